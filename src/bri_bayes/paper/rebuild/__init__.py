"""How is a panel solved for on which given regressions give back given numbers? One module a group of columns."""
