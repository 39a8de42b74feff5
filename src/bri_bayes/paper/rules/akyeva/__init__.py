"""Which further rules does the audit of Akyeva (2026) apply? They know its design, its text and its tables by name."""
