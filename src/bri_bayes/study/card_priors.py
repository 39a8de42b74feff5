"""What does a card believe before it sees the outcome? Its prior scales, on the standardised outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.schema import STRICT


@dataclass(frozen=True, config=STRICT)
class Priors:
    """Prior scales on the standardised outcome (its sd within units and periods is one).

    ``PRIORS`` gives the distribution and the meaning of each. All are scales (standard deviations) but ``rho`` and
    ``shock_rho``, the two shapes of the Beta prior of (rho + 1) / 2. ``shock`` as two numbers is a log-normal prior:
    its median and the sd of the logarithm, as a wider pool of units has taught them.
    """

    unit: float = 10.0
    period: float = 10.0
    effect: float = 2.0
    effect_step: float = 1.0
    effect_growth: float = 0.5
    effect_unit: float = 1.0
    covariate: float = 1.0
    modifier: float = 1.0
    modifier_unit: float = 0.5
    trend: float = 2.0
    trend_step: float = 0.25
    sigma: float = 1.0
    sigma_spread: float = 0.5
    rho: tuple[float, float] = (1.0, 1.0)
    noise: float = 1.0
    shock: float | tuple[float, float] = 1.0
    shock_rho: tuple[float, float] = (1.0, 1.0)
    period_spread: float = 2.0

    @model_validator(mode="after")
    def _positive(self) -> Priors:
        for name, value in asdict(self).items():
            scales = value if isinstance(value, tuple) else (value,)
            if not all(0 < scale < float("inf") for scale in scales):
                raise ValueError(f"the prior scale {name} must be positive and finite, not {value}")
        return self


PRIORS: Mapping[str, str] = {
    "unit": "Normal(0, {} x sd of the outcome): each unit effect, wide, so fixed in practice",
    "period": "ZeroSumNormal({} x sd of the outcome): period effects, wide, so fixed in practice",
    "effect": "Normal(0, {}): the average effect over treated cells, each lead, and with pooling off how far an effect "
    "lies from its unit's average",
    "effect_step": "HalfNormal({}): eta, sd of a change of the effect's growth from one event time to the next",
    "effect_growth": "Normal(0, {} sigma): growth of the effect a period at the onset, beside one of sd 2 eta",
    "effect_unit": "HalfNormal({}): omega, sd of the countries' effects around the common path",
    "covariate": "Normal(0, {}): coefficient of a covariate with unit sd within units and periods",
    "modifier": "Normal(0, {}): change of the effect for one sd of the modifier over treated cells",
    "modifier_unit": "HalfNormal({}): omega_modifier, sd of the units' changes around the common one, by_unit slopes",
    "trend": "Normal(0, {}): drift of a unit from the first to the last period",
    "trend_step": "HalfNormal({}): trend_step, sd of a step of the treated group's drift from one period to the next",
    "sigma": "HalfStudentT(3, {}): sd of the error, of its innovation under ar1, ar1_noise and random_walk",
    "sigma_spread": 'Normal(0, {}): log error scale of a unit against the common one, with scale = "by_unit"',
    "rho": "2 Beta{} - 1: autocorrelation of the error from one period to the next",
    "noise": "HalfNormal({}): sd of the noise of a year that leaves no trace in the next, under ar1_noise",
    "shock": "HalfNormal({}), of two numbers LogNormal: sd of a group's shock against that of a unit's error",
    "shock_rho": '2 Beta{} - 1: autocorrelation of a group\'s shock, with process = "ar1"',
    "period_spread": "HalfNormal({}): sd of correlated period effects around their Mundlak means",
}

_SIGMA = "HalfStudentT(3, {}): s, "
# What the same priors are of in a card with a log link.
LEVEL_PRIORS: Mapping[str, Mapping[str, str]] = {
    "gamma": {"sigma": f"{_SIGMA}coefficient of variation of a level given those before"},
    "negative_binomial": {
        "sigma": f"{_SIGMA}coefficient of variation of a large level given those before",
        "noise": "HalfNormal({}): root of u / geometric mean of the levels, what single lumps add at that level",
    },
    "poisson": {"sigma": f"{_SIGMA}coefficient of variation, given those before, of a level at the geometric mean"},
}
