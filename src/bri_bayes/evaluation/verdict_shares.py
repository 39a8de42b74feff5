"""How often does the rule of a claimed effect say what, where the truth is known? Its operating characteristics.

A verdict is a rule on a posterior, so it has error rates as a test has: where the effect is that of the claim, how
often is it supported; where there is none, how often is it supported all the same, how often refused, and how often
can it not be told. For one panel with a normal posterior N(m, s^2), m ~ N(truth, s^2), and no other test, the share
that is supported is Phi(truth / s - 1.96).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bri_bayes.checks.claimed_effect import PART, judge_effect, of_moments
from bri_bayes.core.json_values import Result
from bri_bayes.core.monte_carlo import share_error


@dataclass(frozen=True)
class VerdictShares(Result):
    """Shares of simulated panels with the effect ``truth``, in units of the outcome; they add up to one.

    ``mc_error`` : the largest Monte Carlo standard error among the three.
    """

    truth: float
    supported: float
    not_supported: float
    cannot_be_told: float
    mc_error: float


def truths(claimed: float) -> tuple[float, ...]:
    """No effect, half of the claimed one, and the claimed one."""
    return tuple(dict.fromkeys((0.0, PART * claimed, claimed)))


def verdict_shares(
    posterior: pd.DataFrame, rejected: NDArray[np.bool_], *, claimed: float, truth: float
) -> VerdictShares:
    """The verdicts on panels whose effect is ``truth``, where the claim is ``claimed``.

    ``posterior`` : a row a panel, with mean, sd, lower and upper; ``rejected`` : (panel,) by the permutation test.
    """
    mean, sd, lower, upper = (posterior[name].to_numpy() for name in ("mean", "sd", "lower", "upper"))
    p_part = of_moments(claimed, mean=mean, sd=sd)
    judged = judge_effect(claimed, p_part=p_part, lower=lower, upper=upper, rejected=rejected)
    supported, refused = float(judged.supported.mean()), float(judged.refused.mean())
    told = float((judged.supported | judged.refused).mean())
    error = max(share_error(share, rejected.size) for share in (supported, refused, told))
    return VerdictShares(truth, supported, refused, 1 - told, error)
