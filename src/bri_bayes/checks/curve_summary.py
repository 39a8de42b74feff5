"""What does a specification curve say of an outcome in a few numbers? Its points, quantiles, what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bri_bayes.checks.curve import MedianPermutation, VarianceShares
from bri_bayes.checks.specifications import FittedSpecification, LeftOut
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result


@dataclass(frozen=True)
class CurvePoint(Result):
    """One specification: its choices in words, and its answer."""

    controls: str
    period: str
    errors: str
    covariates: str
    onset: int
    imputation: str
    att: Effect
    rows: int
    units: int
    periods: int
    filled: int
    trustworthy: bool

    @classmethod
    def of_fit(cls, fit: FittedSpecification) -> CurvePoint:
        """What tables and figures show of a fit."""
        choices = {**vars(fit.choices), "controls": "+".join(fit.choices.controls)}
        kept = {name: getattr(fit, name) for name in ("att", "rows", "units", "periods", "filled", "trustworthy")}
        return cls(**choices, **kept)


@dataclass(frozen=True)
class CurveSummary(Result):
    """Quantiles of the means over the curve, and how many intervals exclude zero on either side."""

    n: int
    median: float
    q25: float
    q75: float
    lowest: float
    highest: float
    above: int
    below: int
    positive: int
    rows_least: int
    rows_most: int


@dataclass(frozen=True)
class CurveOutcome(Result):
    """The curve of one outcome, or the reason why there is none."""

    label: str
    covariates: Sequence[str]
    left_out: Sequence[LeftOut]
    specifications: Sequence[CurvePoint]
    summary: CurveSummary | None = None
    shares: VarianceShares | None = None
    permutation: MedianPermutation | Mapping[str, str | None] | None = None
    main: Mapping[str, str | int] | None = None
    refused: str | None = None


def summary_of(fits: Sequence[FittedSpecification]) -> CurveSummary:
    """The summary of a curve with at least one point."""
    effects = [fit.att for fit in fits]
    means = np.array([effect.mean for effect in effects])
    low, q25, median, q75, high = np.quantile(means, [0, 0.25, 0.5, 0.75, 1]).tolist()
    rows = [fit.rows for fit in fits]
    return CurveSummary(
        n=len(fits),
        median=median,
        q25=q25,
        q75=q75,
        lowest=low,
        highest=high,
        above=sum(effect.lower > 0 for effect in effects),
        below=sum(effect.upper < 0 for effect in effects),
        positive=int((means > 0).sum()),
        rows_least=min(rows),
        rows_most=max(rows),
    )
