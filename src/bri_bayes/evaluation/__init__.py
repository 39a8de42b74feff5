"""If the claimed effect were true, what would such a panel show? Power, size, coverage, ranks."""
