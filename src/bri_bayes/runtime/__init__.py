"""How is long work done? Steps, cache and processes."""
