"""What would the published estimates mean if they were true? The posterior of each headline effect.

An estimate y with standard error se says y ~ N(tau, se^2); a normal prior tau ~ N(m, v^2) gives a normal posterior in
closed form. The printed standard errors of one effect differ by a factor of three, and the paper's placebos are
estimates under no effect, so both are tried as the noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from bri_bayes.core.effect import PROB, TAILS
from bri_bayes.paper.records import Cell
from bri_bayes.paper.rules.akyeva.basis import BRI, fake_onsets, headlines, onset, post_share
from bri_bayes.paper.rules.basis import same_rows
from bri_bayes.paper.tables import Published, Regression, load_published

# Points of the standard normal: a central interval of 95%, and a one-sided probability of 95%.
Z_INTERVAL = NormalDist().inv_cdf(TAILS[1])
Z_ONE_SIDED = NormalDist().inv_cdf(PROB)
# Sceptics and enthusiasts leave this probability to the other side: the pair of priors that Spiegelhalter, Freedman &
# Parmar (1994), "Bayesian approaches to randomized trials", propose for reports.
OTHER_SIDE = 0.05
# A log point either way, factors of 0.37 and 2.7, holds 95% of the neutral prior: twice any claim and more.
NEUTRAL_SD = 0.5
# The two ways to read the placebos, and what each takes for granted.
PLACEBOS, PLACEBOS_IN_PART = "placebos, no effect in them", "placebos, their part of the effect"
ASSUMPTIONS = {
    "standard error": "the printed standard error is that of the estimate",
    PLACEBOS: "as the paper says, the placebo estimates are noise: independent draws around 0, as wide as the estimate",
    PLACEBOS_IN_PART: "the placebo columns keep the treated years, so a step at the onset is in part in them; the rest "
    "is independent noise. The columns share their rows, and noise that they share is not seen: the least that the "
    "placebos allow",
}
# Degrees of freedom of the half-t prior of the noise: it decides little where data speak, and allows large values.
HALF_T_DF = 3.0
# The grid of the noise: from this far below to this far above its scale, on logarithms.
GRID_SPAN = math.log(1e3)
GRID_POINTS = 2001


@dataclass(frozen=True)
class Prior:
    """A normal prior of an effect, with the reason for its scale."""

    name: str
    mean: float
    sd: float
    reason: str


@dataclass(frozen=True)
class Posterior:
    """The posterior of an effect. ``lower``, ``upper`` : central 95%. ``p_half`` : P(effect > half the claim)."""

    mean: float
    sd: float
    lower: float
    upper: float
    p_positive: float
    p_half: float


@dataclass(frozen=True)
class Reading:
    """One effect under one prior and one noise.

    ``factor_interval``, ``factor_probability`` : how many times larger the standard error may be before the 95%
    interval reaches zero, before P(effect > 0) falls below 0.95. Below 1 the claim fails as printed; None: it never
    fails, or the noise is no standard error. ``noise_sd`` : the standard error, or the posterior median of the noise.
    """

    outcome: str
    prior: str
    noise: str
    source: tuple[str, ...]
    noise_sd: float
    posterior: Posterior
    factor_interval: float | None = None
    factor_probability: float | None = None


def priors(claim: float) -> tuple[Prior, ...]:
    """The three priors for a claimed effect."""
    sd = abs(claim) / NormalDist().inv_cdf(1 - OTHER_SIDE)
    return (
        Prior("sceptical", 0.0, sd, f"no effect expected; {OTHER_SIDE:.0%} for an effect beyond the claim"),
        Prior("neutral", 0.0, NEUTRAL_SD, "95% within a log point either way"),
        Prior("enthusiastic", claim, sd, f"the claim expected; {OTHER_SIDE:.0%} for no effect or the opposite one"),
    )


def posterior(estimate: float, se: float, prior: Prior, claim: float) -> Posterior:
    """The posterior of an estimate with a known standard error.

    Precisions add: 1 / sd^2 = 1 / se^2 + 1 / v^2, and the mean weighs y and m by their precisions.
    """
    mean, sd = _normal(estimate, se, prior)
    exact = NormalDist(mean, sd)
    return Posterior(
        mean=mean,
        sd=sd,
        lower=mean - Z_INTERVAL * sd,
        upper=mean + Z_INTERVAL * sd,
        p_positive=1 - exact.cdf(0.0),
        p_half=1 - exact.cdf(claim / 2),
    )


def _normal(estimate: float, se: float, prior: Prior) -> tuple[float, float]:
    precision = 1 / se**2 + 1 / prior.sd**2
    return (estimate / se**2 + prior.mean / prior.sd**2) / precision, precision**-0.5


def largest_factor(estimate: float, se: float, prior: Prior, z: float) -> float | None:
    """The factor k of the standard error at which mean / sd of the posterior falls to z; None if it never does.

    With x = 1 / (k se)^2, a = m / v^2 and b = 1 / v^2 the ratio is (y x + a) / sqrt(x + b). It rises in x from m / v
    at 0 (for y > 0 and m < 2 y), so it crosses z once: where y^2 x^2 + (2 y a - z^2) x + a^2 - z^2 b = 0 and
    y x + a > 0.
    """
    if estimate <= 0 or prior.mean >= 2 * estimate:
        raise ValueError(f"the estimate {estimate} must be positive and more than half of the prior mean {prior.mean}")
    # An enthusiast's ratio at 0 is the 5% point itself, up to the rounding of floats.
    if prior.mean / prior.sd >= z - 1e-9:
        return None
    a, b = prior.mean / prior.sd**2, 1 / prior.sd**2
    linear = 2 * estimate * a - z**2
    root = math.sqrt(linear**2 - 4 * estimate**2 * (a**2 - z**2 * b))
    x = (-linear + root) / (2 * estimate**2)
    return 1 / (se * math.sqrt(x))


def placebo_posterior(
    estimates: Sequence[float], weights: Sequence[float], prior: Prior, scale: float, claim: float
) -> tuple[Posterior, float]:
    """The posterior of the effect with the placebos as measure of the noise, and the posterior median of the noise.

    estimates : the headline estimate, then the placebos; y_i ~ N(w_i tau, s^2), independent. ``weights`` : 1 for the
    headline; 0 for a placebo that holds no part of the effect. s has a half-t prior with 3 degrees of freedom and
    ``scale``. Given s everything is normal: 1 / sd^2 = sum w_i^2 / s^2 + 1 / v^2, and y ~ N(w m, s^2 I + v^2 w w'). The
    noise is integrated over a grid of log s.
    """
    y, w = np.asarray(estimates, dtype=float), np.asarray(weights, dtype=float)
    log_s = np.linspace(math.log(scale) - GRID_SPAN, math.log(scale) + GRID_SPAN, GRID_POINTS)
    s = np.exp(log_s)
    precision = (w @ w) / s**2 + 1 / prior.sd**2
    mean = ((w @ y) / s**2 + prior.mean / prior.sd**2) / precision
    density = _log_likelihood(y - w * prior.mean, w, s, prior.sd) + _log_half_t(s, scale) + log_s
    weight = np.exp(density - density.max())
    weight /= weight.sum()
    median = float(s[np.searchsorted(np.cumsum(weight), 0.5)])
    return _mixture(mean, precision**-0.5, weight, claim), median


def _log_likelihood(
    gap: NDArray[np.float64], w: NDArray[np.float64], s: NDArray[np.float64], sd: float
) -> NDArray[np.float64]:
    """log N(gap; 0, s^2 I + sd^2 w w') for each s, up to a constant. gap, w : (estimate,); s : (grid,)."""
    total = s**2 + sd**2 * (w @ w)
    # The matrix has the eigenvalue s^2 + sd^2 w'w along w and s^2 in all other directions.
    along = (w @ gap) ** 2 / (w @ w)
    others = gap @ gap - along
    log_det = np.log(total) + (gap.size - 1) * np.log(s**2)
    result: NDArray[np.float64] = -0.5 * (log_det + along / total + others / s**2)
    return result


def _log_half_t(s: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    result: NDArray[np.float64] = -(HALF_T_DF + 1) / 2 * np.log1p((s / scale) ** 2 / HALF_T_DF)
    return result


def _mixture(
    mean: NDArray[np.float64], sd: NDArray[np.float64], weight: NDArray[np.float64], claim: float
) -> Posterior:
    """Mean, spread, central 95% and tail probabilities of a mixture of normals. All (grid,)."""
    centre = float(weight @ mean)
    spread = math.sqrt(float(weight @ (sd**2 + (mean - centre) ** 2)))

    def below(value: float) -> float:
        return float(weight @ ndtr((value - mean) / sd))

    # Chebyshev: no more than 1% of any distribution lies farther than ten standard deviations out.
    ends = (centre - 10 * spread, centre + 10 * spread)
    lower, upper = (brentq(lambda value, p=p: below(value) - p, *ends) for p in TAILS)
    return Posterior(centre, spread, float(lower), float(upper), 1 - below(0.0), 1 - below(claim / 2))


def readings(published: Published | None = None) -> list[Reading]:
    """Every headline effect under every prior and every noise that the paper prints."""
    source = load_published() if published is None else published
    return [reading for main in headlines(source) for reading in _readings_of(source, main)]


def _readings_of(published: Published, main: Regression) -> list[Reading]:
    cell = published.cell(*main.key, BRI)
    claim = cell.estimate.value
    readings = []
    for prior in priors(claim):
        for noise in standard_errors(published, main):
            se = noise.se.value
            readings.append(
                Reading(
                    outcome=main.outcome,
                    prior=prior.name,
                    noise=f"standard error of Table {noise.table}",
                    source=(cell.label, noise.label),
                    noise_sd=se,
                    posterior=posterior(claim, se, prior, claim),
                    factor_interval=largest_factor(claim, se, prior, Z_INTERVAL),
                    factor_probability=largest_factor(claim, se, prior, Z_ONE_SIDED),
                )
            )
        readings += _placebo_readings(published, main, cell, prior)
    return readings


def standard_errors(published: Published, main: Regression) -> list[Cell]:
    """The printed standard errors of a headline effect: its own, the nearest placebo's, and with more regressors."""
    fakes = fake_onsets(published, main.outcome)
    nearest = sorted(fakes, key=lambda column: abs((column.onset or 0) - onset(published)))[:1]
    longer = [
        column
        for column in published.regressions()
        if column.outcome == main.outcome
        and column.onset == main.onset
        and set(main.regressors) < set(column.regressors)
    ]
    return [published.cell(*column.key, BRI) for column in (main, *nearest, *longer)]


def _placebo_readings(published: Published, main: Regression, cell: Cell, prior: Prior) -> list[Reading]:
    """The placebos as draws under no effect, and as draws that hold the part of it which their years give them."""
    fakes = [fake for fake in fake_onsets(published, main.outcome) if fake.onset is not None]
    if not fakes:
        return []
    cells = [published.cell(*fake.key, BRI) for fake in fakes]
    estimates = [cell.estimate.value, *(fake.estimate.value for fake in cells)]
    # Between the two standard errors that the paper prints for this effect.
    scale = math.sqrt(cell.se.value * standard_errors(published, main)[1].se.value)
    parts = [_part_of_the_effect(published, main, fake) for fake in fakes]
    readings = []
    for noise, weights in (
        ("placebos, no effect in them", [0.0] * len(fakes)),
        ("placebos, their part of the effect", parts),
    ):
        summary, median = placebo_posterior(estimates, [1.0, *weights], prior, scale, cell.estimate.value)
        source = (cell.label, *(fake.label for fake in cells))
        readings.append(Reading(main.outcome, prior.name, noise, source, median, summary))
    return readings


def _part_of_the_effect(published: Published, main: Regression, fake: Regression) -> float:
    """Share of the effect in a placebo estimate: s / s' where it keeps the treated years (rules.placebo), else 0."""
    if fake.onset is None or fake.onset >= onset(published) or not same_rows(published, main, fake):
        return 0.0
    return post_share(published, onset(published)) / post_share(published, fake.onset)


def reading_values(published: Published | None = None) -> list[dict[str, Any]]:
    """The readings for JSON, an entry an effect: claim, priors with their reasons, and a row a prior and noise."""
    source = load_published() if published is None else published
    values = []
    for main in headlines(source):
        cell = source.cell(*main.key, BRI)
        rows = [asdict(reading) for reading in _readings_of(source, main)]
        values.append(
            {
                "outcome": main.outcome,
                "cell": cell.label,
                "estimate": cell.estimate.value,
                "se": cell.se.value,
                "half_of_the_claim": cell.estimate.value / 2,
                "assumptions": dict(ASSUMPTIONS),
                "priors": [asdict(prior) for prior in priors(cell.estimate.value)],
                "readings": [{key: value for key, value in row.items() if key != "outcome"} for row in rows],
            }
        )
    return values
