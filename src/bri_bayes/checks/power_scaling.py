"""Which prior does the average effect hang on, and does the likelihood speak? Power-scaling sensitivity.

A component c of the model (one prior, all priors, the likelihood) is raised to a power a close to one. How fast the
posterior of the ATT moves is the distance of its cdf F_a from F_1, by powers of two:

    sensitivity = 1/2 [D(F_1, F_0.99) / -log2 0.99 + D(F_1, F_1.01) / log2 1.01]
    D^2(P, Q) = [CJS(P|Q) + CJS(Q|P)] / int (P + Q),    CJS(P|Q) = int P log2(2 P / (P + Q)) + int (Q - P) / (2 ln 2)

D is the cumulative Jensen-Shannon distance, taken for the ATT and for its negative, the larger of the two. The
integrals run over the range that ``DRAWS`` draws of the unscaled posterior show on average. Here each F_a is exact: a
mixture of normals over the same importance points. ``by_importance`` reweighs draws instead, as one must without a
closed form. Only priors of top-level parameters are scaled, not the distributions that pool or link coefficients.

Verdict with the threshold 0.05 of the source: prior and likelihood above it, "prior and data in conflict"; the prior
alone, "strong prior or weak likelihood"; neither, "neither moves it"; the likelihood alone, "not sensitive".

Source: Kallioinen, Paananen, Buerkner & Vehtari (2023), Stat. Comput. 34, doi:10.1007/s11222-023-10366-5.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bri_bayes.checks.log_priors import joint_log_likelihood, log_priors
from bri_bayes.core.arrays import Array
from bri_bayes.core.json_values import Result
from bri_bayes.design.analysis import Fit
from bri_bayes.estimands.effects import att
from bri_bayes.inference.att import LIKELIHOOD, AttPosterior, prior_blocks
from bri_bayes.inference.mixture import NormalMixtures

THRESHOLD = 0.05
POWERS = (0.99, 1.01)
# The number of posterior draws that the distance of the source is usually computed from.
DRAWS = 4000
ALL = "all priors"
# Priors that link coefficients with hyperparameters: the growth of the effect has the error scale in its own.
_LINKING = frozenset({"effect_growth"})
_GRID = 501

Cdf = Callable[[Array], Array]


@dataclass(frozen=True)
class Sensitivity(Result):
    """Of the ATT to a prior and to the likelihood, and what the two say together."""

    prior: str
    prior_sensitivity: float
    likelihood_sensitivity: float
    verdict: str


def power_scaling(posterior: AttPosterior) -> list[Sensitivity]:
    """A row for each prior that the card uses, and for all together: sensitivities of the ATT and a verdict."""
    grid = _range(posterior.mixture)
    reference = cdf_of(posterior.mixture)(grid)

    def exact(parts: tuple[str, ...]) -> float:
        scaled = [cdf_of(posterior.powered(parts, power))(grid) for power in POWERS]
        return sensitivity(grid, reference, *scaled)

    blocks = tuple(name for name in prior_blocks(posterior.design, posterior.card) if name not in _LINKING)
    likelihood = exact((LIKELIHOOD,))
    by_prior = {**{block: exact((block,)) for block in blocks}, ALL: exact(blocks)}
    return [Sensitivity(name, prior, likelihood, verdict(prior, likelihood)) for name, prior in by_prior.items()]


def by_importance(fit: Fit) -> dict[str, float]:
    """The same sensitivities from reweighted draws of a fit (ArviZ), by prior, with those of all priors and the data.

    The likelihood is the joint one of all rows: with serial errors the pointwise terms of ``log_likelihood``, each
    given all other rows, do not add up to it.
    """
    import xarray as xr
    from arviz_stats import psense

    draws = xr.Dataset({"att": att(fit)})
    priors = log_priors(fit)
    tree = xr.DataTree.from_dict(
        {
            "posterior": draws,
            "log_prior": priors,
            "log_likelihood": xr.Dataset({"y": joint_log_likelihood(fit)}),
        }
    )
    # A flat prior stays what it is under every power, and ArviZ has no weights for it.
    by_prior = {
        str(name): float(psense(tree, var_names=["att"], group="prior", group_var_names=[str(name)])["att"])
        if np.ptp(values.to_numpy()) > 0
        else 0.0
        for name, values in priors.data_vars.items()
    }
    by_prior[ALL] = float(psense(tree, var_names=["att"], group="prior")["att"])
    by_prior[LIKELIHOOD] = float(psense(tree, var_names=["att"], group="likelihood")["att"])
    return by_prior


def verdict(prior: float, likelihood: float) -> str:
    """What the two sensitivities say, by the rule at the top of this module."""
    if prior >= THRESHOLD:
        return "prior and data in conflict" if likelihood >= THRESHOLD else "strong prior or weak likelihood"
    return "not sensitive" if likelihood >= THRESHOLD else "neither moves it"


def sensitivity(grid: Array, reference: Array, lower: Array, upper: Array) -> float:
    """Speed of the posterior from its cdf at powers 1, 0.99 and 1.01 on ``grid`` : four (x,) arrays."""
    down, up = (distance(grid, reference, scaled) for scaled in (lower, upper))
    return float(0.5 * (-down / np.log2(POWERS[0]) + up / np.log2(POWERS[1])))


def distance(grid: Array, p: Array, q: Array) -> float:
    """The cumulative Jensen-Shannon distance of two cdfs on a grid, the larger of those of x and of -x."""
    return max(_distance(grid, p, q), _distance(-grid[::-1], 1 - p[::-1], 1 - q[::-1]))


def cdf_of(mixture: NormalMixtures) -> Cdf:
    """The cdf of a mixture of one outcome, for many points."""
    weights, means = mixture.weights[0], mixture.means[0]
    used = weights > 0

    def cdf(x: Array) -> Array:
        from scipy.special import ndtr

        return np.asarray(ndtr((x[:, None] - means[used]) / mixture.sds[used]) @ weights[used])

    return cdf


def _range(mixture: NormalMixtures) -> Array:
    low, high = (float(mixture.quantile(p)[0]) for p in (1 / DRAWS, 1 - 1 / DRAWS))
    return np.asarray(np.linspace(low, high, _GRID))


def _distance(grid: Array, p: Array, q: Array) -> float:
    integral = np.trapezoid
    middle = 0.5 * (p + q)
    with np.errstate(divide="ignore", invalid="ignore"):
        p_term = np.where(p > 0, p * np.log2(p / middle), 0.0)
        q_term = np.where(q > 0, q * np.log2(q / middle), 0.0)
    total = integral(p_term, grid) + integral(q_term, grid)
    return float(np.sqrt(max(total, 0.0) / integral(p + q, grid)))
