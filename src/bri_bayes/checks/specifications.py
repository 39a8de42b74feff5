"""Which answers would other reasonable choices have given? Every combination of choices, each a Bayesian fit.

The choices: which controls, period effects fixed or correlated, the errors, covariates or none, the onset from one
year earlier to two years later, and how missing cells are filled. Card, engine and priors stay those
of the checks. A combination that leaves the same numbers as another one (nothing to fill, say) is fitted once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import product
from typing import get_args

from bri_bayes.checks.control_sets import MOST_CONTROLS, subsets, with_controls
from bri_bayes.checks.refits import Refit, refit, with_few_points
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import ErrorStructure, PeriodEffects
from bri_bayes.data.imputation import IMPUTATIONS, Imputation, imputed
from bri_bayes.data.panel import Panel
from bri_bayes.design.analysis import Analysis

SHIFTS = (-1, 0, 1, 2)
# Noise beside the AR(1) is a question of the model (``compare``), and its fits cost ten times as much.
ERRORS: tuple[ErrorStructure, ...] = ("iid", "ar1", "random_walk")
CHOICES = ("controls", "period", "errors", "covariates", "onset", "imputation")
NO_COVARIATES = "none"


@dataclasses.dataclass(frozen=True)
class Specification:
    """One combination. ``controls`` : units; ``covariates`` : names of variables; ``shift`` : years of the onset."""

    controls: tuple[str, ...]
    period: PeriodEffects
    errors: ErrorStructure
    covariates: tuple[str, ...]
    shift: int
    imputation: Imputation

    def recipe(self, analysis: Analysis, panels: Mapping[str, Panel]) -> Analysis:
        """The recipe of the card of the checks with these choices; ``panels`` by imputation."""
        card = analysis.card
        changed = dataclasses.replace(
            card,
            covariates=self.covariates,
            effects=dataclasses.replace(card.effects, period=self.period),
            errors=dataclasses.replace(card.errors, structure=self.errors),
        )
        assignment = with_controls(analysis.assignment, self.controls).shift(self.shift)
        return Analysis(panels[self.imputation], assignment, changed)

    def labels(self, analysis: Analysis) -> Choices:
        """The choices in words, for tables and figures."""
        return Choices(
            controls=list(self.controls),
            period=self.period,
            errors=self.errors,
            covariates="all of the study" if self.covariates else NO_COVARIATES,
            onset=min(analysis.assignment.onsets) + self.shift,
            imputation=self.imputation,
        )


@dataclasses.dataclass(frozen=True)
class Choices(Result):
    """A combination in words."""

    controls: Sequence[str]
    period: str
    errors: str
    covariates: str
    onset: int
    imputation: str


@dataclasses.dataclass(frozen=True)
class LeftOut(Result):
    """A combination that is no point of the curve, and why."""

    choices: Choices
    left_out: str


@dataclasses.dataclass(frozen=True)
class FittedSpecification(Refit):
    """A combination with its fit. ``filled`` : cells of its panel that were imputed."""

    choices: Choices
    units: int
    periods: int
    filled: int


def specifications(analysis: Analysis, covariates: Sequence[str]) -> list[Specification]:
    """Every combination; a rule of imputation that fills no cell of the study is not one of them."""
    controls = analysis.assignment.never_treated
    if len(controls) > MOST_CONTROLS:
        raise InputError(
            f"{len(controls)} controls have {2 ** len(controls) - 1} sets; the curve takes at most {MOST_CONTROLS} "
            "controls"
        )
    fillings = [method for method in IMPUTATIONS if method == "none" or _fills(analysis, covariates, method)]
    sets_of_covariates = [(), *([tuple(covariates)] if covariates else [])]
    combinations = product(subsets(controls), get_args(PeriodEffects), ERRORS, sets_of_covariates, SHIFTS, fillings)
    return [Specification(*combination) for combination in combinations]


def panels_of(analysis: Analysis, covariates: Sequence[str]) -> dict[str, Panel]:
    """The panel under each imputation, outcome and covariates filled."""
    variables = [str(analysis.card.outcome), *covariates]
    return {method: imputed(analysis.panel, variables, method) for method in IMPUTATIONS}


def fit_specifications(
    analysis: Analysis, covariates: Sequence[str], chosen: Sequence[Specification], seed: int
) -> list[FittedSpecification | LeftOut]:
    """A record a specification, in order: its choices, rows and ATT, or the reason why the data do not allow it."""
    panels = panels_of(analysis, covariates)
    known: dict[str, Refit] = {}
    records: list[FittedSpecification | LeftOut] = []
    for combination in chosen:
        recipe = combination.recipe(analysis, panels)
        choices = combination.labels(analysis)
        try:
            design = recipe.design
        except InputError as error:  # the rows of this combination, not a computation: say why and go on
            records.append(LeftOut(choices, str(error)))
            continue
        cells = recipe.panel[[str(recipe.card.outcome), *combination.covariates]].sel(
            unit=list(recipe.assignment.units)
        )
        filled = sum(
            item.split()[0] in recipe.assignment.units and item.split(maxsplit=2)[2] in cells.data_vars
            for item in recipe.panel.attrs["imputed"]
        )
        if recipe.digest not in known:
            observed = recipe.digest == analysis.digest
            known[recipe.digest] = (
                refit(recipe, seed) if observed else refit(with_few_points(recipe), seed, variant_of=analysis)
            )
        records.append(
            FittedSpecification(
                **vars(known[recipe.digest]),
                choices=choices,
                units=design.sizes["unit"],
                periods=design.sizes["period"],
                filled=filled,
            )
        )
    return records


def _fills(analysis: Analysis, covariates: Sequence[str], method: Imputation) -> bool:
    variables = [str(analysis.card.outcome), *covariates]
    panel = analysis.panel.sel(unit=list(analysis.assignment.units))
    return bool(imputed(panel, variables, method).attrs["imputed"])
