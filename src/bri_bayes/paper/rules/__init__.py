"""Which rules does the audit apply? One module a subject; a rule is a function from Published to its findings."""
