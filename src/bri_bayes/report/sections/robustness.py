"""Section: over every choice that was tried, where can the answer lie, and which three choices matter most?"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bri_bayes.checks.last_years import earlier_ends, later_ends
from bri_bayes.checks.robustness import Robustness, robustness
from bri_bayes.core.errors import InputError
from bri_bayes.data.panel import Panel
from bri_bayes.presentation import page_parts as page
from bri_bayes.presentation import sentences
from bri_bayes.presentation.digits import digits_of_answers
from bri_bayes.presentation.results import Described, SectionResult
from bri_bayes.presentation.study_tables import OUTCOME, Values
from bri_bayes.presentation.table_spec import Column, TableSpec
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.steps import Parts, Step
from bri_bayes.study.study_file import Study

NAME, ENDS = "robustness", "ends"
DEPENDS = ("propensity", "compare", "controls", "speccurve", "prior", "honest")


@dataclass(frozen=True)
class RobustnessOutcome(Robustness, Described):
    """One outcome over every choice."""


def steps(context: Context) -> list[Step]:
    """The fit of each outcome with the card of the checks, and of samples that end earlier or, where the file goes on,
    later; everything else is read from the other sections."""
    from bri_bayes.runtime.refit_steps import refit_steps

    recipes = {outcome: context.analysis(outcome) for outcome in context.study.outcomes}
    pieces = refit_steps(NAME, ("main",), recipes, context.seed)
    whole = _whole_file(context.study)
    for outcome, analysis in recipes.items():
        ends = earlier_ends(analysis) | ({} if whole is None else later_ends(analysis, whole))
        pieces += refit_steps(NAME, (ENDS, outcome), ends, context.seed)
    return pieces


def _whole_file(study: Study) -> Panel | None:
    """All periods of a file of which the study takes some; None where it takes all, or may not use the others."""
    if study.panel.periods is None or study.panel.file is None or not study.panel.later:
        return None
    try:
        return dataclasses.replace(study, panel=dataclasses.replace(study.panel, periods=None)).load()
    except InputError:  # a value of a year that the study leaves out has no logarithm
        return None


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """By outcome: main, answers, mean, p_positive (both ends), choices by size, matter_most."""
    from bri_bayes.runtime.refit_steps import gathered

    main = gathered(("main",), results)
    outcomes, failed = {}, []
    for name in context.study.outcomes:
        fits = gathered((ENDS, name), results)
        failed += [
            f"{NAME}/{name}: the fit that ends in {last} does not pass"
            for last, fit in fits.items()
            if not fit.trustworthy
        ]
        over_all = robustness(context.done, name, main[name].att, {last: fit.att for last, fit in fits.items()})
        outcomes[name] = RobustnessOutcome(**vars(context.described(name)), **vars(over_all))
    read = [name for name in DEPENDS if name in context.done]
    not_read = [name for name in DEPENDS if name not in read]
    return SectionResult(outcomes, failed_gates=failed, further={"read": read, "not_read": not_read})


def parts(values: Values) -> list[page.Part]:
    """One sentence an outcome, the figure, the table."""
    said = [page.Paragraph(summary(outcome)) for outcome in values[NAME]["outcomes"].values()]
    return [*said, page.Picture("robustness"), *map(page.Shown, CHOICES.fill(values).by_outcome())]


def summary(outcome: Mapping[str, Any]) -> str:
    """The range over every answer; what moves it most stands with the figure."""
    low, high = outcome["mean"]
    p_low, p_high = (sentences.probability(end, words=False) for end in outcome["p_positive"])
    digits, chance = digits_of_answers(outcome), f"is {p_low}" if p_low == p_high else f"between {p_low} and {p_high}"
    return (
        f"{outcome['label']}: over {outcome['answers']:,} answers the posterior mean lies between "
        f"{sentences.signed(low, digits)} and {sentences.signed(high, digits)} and P(> 0) {chance}; "
        f"{outcome['above']:,} means are above zero, and {outcome['leaves_zero_out']:,} intervals exclude zero."
    )


def _choice_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row a choice, the one of the largest size first."""
    for name, outcome in values[NAME]["outcomes"].items():
        for choice in outcome["choices"]:
            options = [{"option": "as it is", **outcome["main"]}] if choice["kind"] == "one at a time" else []
            options += choice["options"]
            low, high = (pick(options, key=lambda option: option["mean"]) for pick in (min, max))
            yield (
                {"outcome": name, "label": outcome["label"], "choice": choice["choice"], "kind": choice["kind"]}
                | {"size": choice["size"], "lowest": low["mean"], "at_lowest": low["option"]}
                | {"highest": high["mean"], "at_highest": high["option"]}
                | {"p_low": choice["p_positive"][0], "p_high": choice["p_positive"][1]}
            )


def _columns(values: Values) -> tuple[Column, ...]:
    digits = max((digits_of_answers(outcome) for outcome in values[NAME]["outcomes"].values()), default=2)
    return (
        *OUTCOME,
        Column("choice", "choice", "name"),
        Column("kind", "how", minor=True),
        Column("size", "size", "number", digits),
        Column("lowest", "lowest mean", "number", digits, "effect"),
        Column("at_lowest", "lowest at"),
        Column("highest", "highest mean", "number", digits, "effect"),
        Column("at_highest", "highest at"),
        Column("p_low", "least P(> 0)", "probability"),
        Column("p_high", "largest P(> 0)", "probability"),
    )


CHOICES = TableSpec(
    "robustness",
    "Every choice by its size: the range of the posterior mean of the effect",
    _columns,
    _choice_rows,
)
SECTION = Section(
    name=NAME,
    title="Robustness in one view",
    steps=steps,
    collect=collect,
    parts=parts,
    outcome=RobustnessOutcome,
    tables=(CHOICES,),
    depends=DEPENDS,
)
