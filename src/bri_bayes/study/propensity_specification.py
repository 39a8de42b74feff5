"""How is selection into treatment modelled, and on which variables before the treatment?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict
from typing import Literal

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import suggest
from bri_bayes.core.schema import STRICT

Summary = Literal["mean", "growth", "volatility"]
_SUMMARY = re.compile(r"(growth|volatility)\(\s*(.+?)\s*\)")


@dataclass(frozen=True, config=STRICT)
class PropensityPrior:
    """The table [propensity] of a card: Student-t priors of a logit on standardised covariates.

    ``rows`` "unit" has one row a unit, the average over the years before the treatment; "unit_period" a row a unit and
    year, with unit and year effects around zero whose sds have half-normal priors with ``spread``.
    """

    rows: Literal["unit", "unit_period"] = "unit"
    df: float = 7.0
    scale: float = 2.5
    intercept: float = 2.5
    spread: float = 1.0

    @model_validator(mode="after")
    def _positive(self) -> PropensityPrior:
        for name, value in asdict(self).items():
            if name != "rows" and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be positive and finite, not {value}")
        return self

    @property
    def lines(self) -> list[str]:
        """The priors in words."""
        lines = [
            f"{'rows':12s}one a {self.rows.replace('_', ' and ')}",
            "",
            "Priors, covariates standardised over the rows:",
            f"  {'intercept':14s}StudentT({self.df:g}, 0, {self.intercept:g})",
            f"  {'slope':14s}StudentT({self.df:g}, 0, {self.scale:g}): log odds for one sd of a covariate",
        ]
        if self.rows == "unit_period":
            lines.append(f"  {'spread':14s}HalfNormal({self.spread:g}): sd of unit and of year effects")
        return lines


@dataclass(frozen=True, config=STRICT)
class PropensityTable:
    """The table [propensity] of a study: what treated and controls are matched on.

    ``covariates`` of the score, and further variables whose ``balance`` is shown. Each is a variable of the study
    (its mean over the years), growth(NAME) or volatility(NAME) (mean and sd of its changes from year to year).
    ``years`` : first and last; None takes all before the first onset. No covariates: those of the study.
    """

    covariates: tuple[str, ...] = ()
    balance: tuple[str, ...] = ()
    years: tuple[int, int] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> PropensityTable:
        if self.years is not None and self.years[0] > self.years[1]:
            raise ValueError(f"years are the first and the last, not {list(self.years)}")
        return self

    def check(self, variables: Iterable[str]) -> None:
        """Refuse what is made of no variable of the study: a ValueError with the allowed ones."""
        known = set(variables)
        for name in (*self.covariates, *self.balance):
            if summary_of(name)[0] not in known:
                raise ValueError(f'[propensity] has "{name}"; {suggest(summary_of(name)[0], known)}')


def summary_of(name: str) -> tuple[str, Summary]:
    """The variable behind a covariate of the score, and how its years are summarised."""
    if parts := _SUMMARY.fullmatch(name):
        return parts[2], "growth" if parts[1] == "growth" else "volatility"
    return name, "mean"
