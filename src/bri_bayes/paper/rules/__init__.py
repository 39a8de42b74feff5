"""Which rules does the audit apply to any paper? One module a subject; a rule goes from Published to its findings."""
