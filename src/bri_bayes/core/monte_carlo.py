"""How far may a share of simulated panels be from the one that it estimates?"""

from __future__ import annotations

import math


def share_error(share: float, size: int) -> float:
    """The binomial standard error of a share of ``size`` panels.

    Taken at (k + 1/2) / (size + 1), the mean of its Jeffreys posterior, so that none or all of the panels are no proof.
    """
    held = (share * size + 0.5) / (size + 1)
    return math.sqrt(held * (1 - held) / size)
