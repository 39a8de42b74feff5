"""What is written? Values become figures, tables and the page; the only layer that writes results."""
