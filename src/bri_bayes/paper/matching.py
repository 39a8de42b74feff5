"""Which units does the paper's matching compare, and what do its regressions say on them?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, InstanceOf, model_validator
from pydantic.dataclasses import dataclass as checked

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.core.resources import shipped
from bri_bayes.core.schema import STRICT, read_toml, validated
from bri_bayes.frequentist.logit import logit
from bri_bayes.frequentist.matching import Matched, Rule, match

# Where the quoted range of each outcome stands in text.csv.
QUOTED = {"lnexport": ("psm_export_low", "psm_export_high"), "lnimport": ("psm_import_low", "psm_import_high")}


@checked(frozen=True, config=STRICT)
class Method:
    """A way to match. ``place`` : where in the quoted range the reconstruction puts its coefficient, 0 to 1."""

    name: str
    place: float
    rule: InstanceOf[Rule]

    @model_validator(mode="after")
    def _usable(self) -> Method:
        if not 0 <= self.place <= 1:
            raise ValueError(f"place is between 0 (the least quoted) and 1 (the greatest), not {self.place}")
        return self


@checked(frozen=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class Plan:
    """The score's covariates, the method behind Table 2 and every method."""

    covariates: tuple[str, ...]
    balance: str
    methods: tuple[Method, ...]

    @model_validator(mode="after")
    def _usable(self) -> Plan:
        names = [method.name for method in self.methods]
        if self.balance not in names:
            raise ValueError(f'balance names "{self.balance}"; the methods are {", ".join(names)}')
        return self


@dataclass(frozen=True, eq=False)
class WeightedFit:
    """Weighted two-way fixed effects. ``effect``, ``se`` (clustered by unit, CRV1) : of the first regressor;
    ``contrast`` : (unit, period) what the effect weighs each cell with, effect = sum of contrast times outcome."""

    effect: float
    se: float
    contrast: Array


@cache
def matching_plan() -> Plan:
    """The plan of data/published/matching.toml."""
    path = shipped("data") / "published" / "matching.toml"
    content = read_toml(path)
    methods = []
    for number, table in enumerate(content.pop("method", []), 1):
        where = f"{path}: [[method]] number {number}"
        try:
            rule = Rule(**table.get("rule", {}))
        except TypeError as error:
            raise InputError(f"{where}: rule: {error}") from error
        methods.append(validated(Method, {**table, "rule": rule}, where=where))
    return validated(Plan, {**content, "methods": tuple(methods)}, where=str(path))


def matched_units(plan: Plan, means: Mapping[str, Array], ever_treated: NDArray[np.bool_]) -> dict[str, Matched]:
    """Each method's match on the logit score. ``means`` : (unit,) covariates, averages before the policy."""
    score = logit(ever_treated, {name: means[name] for name in plan.covariates}).score.to_numpy()
    return {method.name: match(score, ever_treated, method.rule) for method in plan.methods}


def weighted_two_way(outcome: Array, regressors: Array, weights: Array) -> WeightedFit:
    """Least squares with unit and period effects and weights that are constant within units.

        min sum_it w_i (y_it - a_i - l_t - x_it'b)^2,      x~ = x - unit mean - weighted period mean of that

    ``outcome`` : (unit, period), balanced; ``regressors`` : (regressor, unit, period); ``weights`` : (unit,). The
    closed form of the within transformation holds because the weights do not vary over time.
    """
    columns, outcome_within = (_weighted_within(values, weights) for values in (regressors, outcome))
    wide = weights[:, None]
    bread = np.linalg.inv(np.tensordot(columns * wide, columns, axes=((1, 2), (1, 2))))
    coefficients = bread @ np.tensordot(columns * wide, outcome_within, axes=((1, 2), (0, 1)))
    contrast = np.tensordot(bread[0], columns, axes=1) * wide
    scores = (contrast * (outcome_within - np.tensordot(coefficients, columns, axes=1))).sum(axis=1)
    clusters, periods = int((weights > 0).sum()), outcome.shape[1]
    # Unit effects are nested within the clusters and count once (the factors of fixest and pyfixest).
    rows, spent = clusters * periods, periods + len(regressors)
    scale = clusters / (clusters - 1) * (rows - 1) / (rows - spent)
    return WeightedFit(float(coefficients[0]), float(np.sqrt(scale * (scores @ scores))), contrast)


def _weighted_within(values: Array, weights: Array) -> Array:
    centred = values - values.mean(axis=-1, keepdims=True)
    means = (centred * weights[:, None]).sum(axis=-2, keepdims=True) / weights.sum()
    return np.asarray(centred - means)
