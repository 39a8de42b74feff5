"""PyMC and Bambi models, built from a design and a card."""
