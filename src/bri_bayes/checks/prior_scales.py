"""Which scales can so few units learn, and what happens to the answer when a prior is twice as wide or half?

With u = F(x) and z of ``inference.learned``:

    kept        = sd(z | y)                     1: the posterior is as wide as the prior, 0: a point
    contraction = 1 - kept^2
    overlap     = integral min(1, p(u | y))     the share of the prior that the posterior keeps
    follows     = log2(median with twice the prior scale / median with half of it) / 2      0: no, 1: fully

Rule: a scale is "not learned" when contraction is below 0.5 or follows above 0.5 (the posterior goes at least half of
the way with its prior), "partly learned" when contraction is below 0.75 or follows above 0.25, else "learned".
The overlap is that of Inman & Bradley (1989), doi:10.1080/03610928908830127.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import TAILS, Effect, Middle
from bri_bayes.core.json_values import Result
from bri_bayes.inference.att import AttPosterior, att_posterior, prior_blocks, with_scale
from bri_bayes.inference.hyperparameters import AUTOCORRELATIONS, PRIOR_OF
from bri_bayes.inference.importance import Weighted
from bri_bayes.inference.learned import LEARNED, NOT_LEARNED, PARTLY_LEARNED, how_much, kept_sd
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.inference.prior import prior_cdf, prior_density, prior_quantile
from bri_bayes.inference.to_datatree import UNITLESS
from bri_bayes.study.card_priors import Priors

FACTORS = (0.5, 2.0)
PARTLY_FOLLOWS, FOLLOWS = 0.25, 0.5
_CURVE = 121  # points of a curve
_UNIT = np.linspace(0, 1, 1001)


@dataclass(frozen=True)
class PriorRefit(Result):
    """The ATT with the scale of a prior multiplied by ``factor``: how far its mean moved in posterior sds, how much
    wider its interval is, and the posterior ``medians`` of the hyperparameters.
    """

    prior: str
    factor: float
    att: Effect
    moved_sd: float
    width_ratio: float
    medians: Mapping[str, float]
    khat: float | None


@dataclass(frozen=True)
class Densities(Result):
    """Prior and posterior density at each ``x``, in units of the outcome."""

    x: Sequence[float]
    prior: Sequence[float]
    posterior: Sequence[float]


@dataclass(frozen=True)
class LearnedScale(Result):
    """A hyperparameter with its ``prior``'s name: what the module says of it. ``follows`` : None where not refitted;
    ``expected`` : by the prior."""

    name: str
    prior: str
    kept: float
    contraction: float
    overlap: float
    follows: float | None
    verdict: str
    expected: Middle
    posterior: Middle
    curve: Densities


def refits_by_scale(posterior: AttPosterior, seed: int) -> list[PriorRefit]:
    """The ATT with each prior scale halved and doubled.

    For rho, "half" doubles both shapes of its Beta prior (closer to zero) and "double" halves them. A prior of a
    hyperparameter is changed by reweighting the points, where they carry it; else the card is fitted again.
    """
    base, rows = posterior.effect, []
    for block in prior_blocks(posterior.design, posterior.card):
        for factor in FACTORS:
            card = with_scale(posterior.card, block, factor)
            points, source = posterior.under(card), posterior
            if points is None or not points.is_good:
                source = att_posterior(posterior.design, card, seed)
                points = source.points
            effect = NormalMixtures(points.weights[None, :], source.mixture.means, source.mixture.sds).effects()[0]
            moved = (effect.mean - base.mean) / base.sd
            width = (effect.upper - effect.lower) / (base.upper - base.lower)
            rows.append(PriorRefit(block, factor, effect, moved, width, _medians(source, points), points.khat))
    return rows


def scales(posterior: AttPosterior, refits: Sequence[PriorRefit]) -> list[LearnedScale]:
    """A row for each group scale, error scale and autocorrelation: prior and posterior, and whether it was learned."""
    known = {field.name for field in dataclasses.fields(Priors)}
    names = [name for name, values in posterior.hyper().items() if values.ndim == 1 and block_of(name) in known]
    return [
        scale_row(posterior, name, follows=None if name in AUTOCORRELATIONS else _follows(refits, block_of(name), name))
        for name in names
    ]


def scale_row(posterior: AttPosterior, name: str, *, follows: float | None) -> LearnedScale:
    """One hyperparameter: how much narrower than its prior it is, and both densities, in units of the outcome."""
    block = block_of(name)
    shape = getattr(posterior.card.priors, block)
    values, weights = posterior.hyper()[name], posterior.points.weights
    quantiles = prior_cdf(name, shape, values)
    kept = kept_sd(name, shape, values, weights)
    contraction = 1 - kept**2
    out = 1.0 if name in UNITLESS else float(posterior.design.attrs["y_scale"])
    expected = [out * prior_quantile(name, shape, p) for p in (0.5, *TAILS)]
    low, middle, high = (out * quantile(values, weights, p) for p in (TAILS[0], 0.5, TAILS[1]))
    return LearnedScale(
        name=name,
        prior=block,
        kept=kept,
        contraction=contraction,
        overlap=float(np.trapezoid(np.minimum(_ratio(_UNIT, quantiles, weights), 1.0), _UNIT)),
        follows=follows,
        verdict=verdict(contraction, follows),
        expected=Middle(*expected),
        posterior=Middle(middle, low, high),
        curve=_curve(name, shape, values, weights, out),
    )


def verdict(contraction: float, follows: float | None) -> str:
    """Whether a scale was learned, by the rule at the top of this module."""
    moved, by_width = follows or 0.0, how_much(contraction)
    if by_width == NOT_LEARNED or moved > FOLLOWS:
        return NOT_LEARNED
    return PARTLY_LEARNED if by_width == PARTLY_LEARNED or moved > PARTLY_FOLLOWS else LEARNED


def block_of(name: str) -> str:
    """The prior of a hyperparameter."""
    return PRIOR_OF.get(name, name)


def quantile(values: Array, weights: Array, p: float) -> float:
    """The p-quantile of weighted values."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) - 0.5 * weights[order]
    return float(np.interp(p, below, values[order]))


def _medians(posterior: AttPosterior, points: Weighted) -> dict[str, float]:
    weights = points.weights
    return {name: quantile(values, weights, 0.5) for name, values in posterior.hyper().items() if values.ndim == 1}


def _follows(refits: Sequence[PriorRefit], block: str, name: str) -> float:
    """How far the posterior median goes with the scale of its prior, in doublings a doubling."""
    medians = {row.factor: row.medians[name] for row in refits if row.prior == block}
    low, high = (max(medians[factor], 1e-300) for factor in FACTORS)
    return float(np.log2(high / low) / np.log2(FACTORS[1] / FACTORS[0]))


def _ratio(at: Array, quantiles: Array, weights: Array) -> Array:
    """Posterior over prior density at prior quantiles ``at``: a Gaussian kernel, reflected at 0 and 1.

    The width is Silverman's. Where a scale is hardly learned the ratio is flat near zero, which reflection keeps.
    """
    used = weights > 1e-12
    u, w = quantiles[used], weights[used]
    width = 1.06 * np.sqrt(w @ (u - w @ u) ** 2) * (1.0 / (w**2).sum()) ** -0.2
    density = np.zeros(at.size)
    for image in (u, -u, 2 - u):
        density += np.exp(-0.5 * ((at[:, None] - image) / width) ** 2) @ w
    return np.asarray(density / (np.sqrt(2 * np.pi) * width))


def _curve(name: str, shape: Any, values: Array, weights: Array, out: float) -> Densities:
    """Prior and posterior density on the outcome's scale, from zero (-1 for rho) to beyond both."""
    if name in AUTOCORRELATIONS:
        x = np.linspace(-0.999, 0.999, _CURVE)
    else:
        top = max(quantile(values, weights, 0.995), prior_quantile(name, shape, 0.9 if name == "sigma" else TAILS[1]))
        x = np.linspace(top / (10 * _CURVE), top, _CURVE)
    prior = prior_density(name, shape, x)
    posterior = prior * _ratio(prior_cdf(name, shape, x), prior_cdf(name, shape, values), weights)
    return Densities((x * out).tolist(), (prior / out).tolist(), (posterior / out).tolist())
