"""From an analysis to a posterior: the two engines, and the rule that chooses between them."""

from bri_bayes.inference.fitting import fit

__all__ = ["fit"]
