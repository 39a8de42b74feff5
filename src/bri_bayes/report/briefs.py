"""What of a section stands on the main page? Its question, its answer, its one figure and at most a small table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bri_bayes.presentation.names_shown import in_words, table_in_words
from bri_bayes.presentation.policy_name import naming_policy
from bri_bayes.presentation.study_tables import Values
from bri_bayes.presentation.table_spec import Table
from bri_bayes.report import brief_sentences as said
from bri_bayes.report.sections.claims import CLAIMS
from bri_bayes.report.sections.robustness import CHOICES

MOST_ROWS, MOST_COLUMNS = 6, 7


@dataclass(frozen=True)
class Plan:
    """How a section is told. ``label`` : in the contents; ``question`` : that it answers; ``answer`` : its sentences;
    ``figures`` : the first of these that the study has is shown, at once or, if ``closed``, at a click."""

    label: str
    question: str
    answer: Callable[[Values], list[str]]
    figures: tuple[str, ...] = ()
    closed: bool = False
    table: Callable[[Values], Table | None] = lambda values: None


@dataclass(frozen=True)
class Brief:
    """A section of the main page."""

    anchor: str
    label: str
    question: str
    answer: tuple[str, ...]
    figure: str | None
    closed: bool
    table: Table | None


def brief(values: Values, anchor: str, title: str, appendix: Mapping[str, Any]) -> Brief:
    """The section ``anchor`` in short; one that has no plan is called by its title and refers to the appendix.

    ``appendix`` : its content, for the figures that are drawn and for what it says of data, audit and fits.
    """
    label, question = FROM_APPENDIX.get(anchor, (title, title))
    plan = PLANS.get(anchor) or Plan(label, question, lambda values: said.from_appendix(anchor, appendix))
    figure = next((name for name in plan.figures if name in appendix["drawings"]), None)
    table = plan.table(values)
    return Brief(
        anchor,
        _worded(values, plan.label),
        _worded(values, plan.question),
        tuple(_worded(values, text) for text in dict.fromkeys(plan.answer(values))),
        figure,
        plan.closed,
        None if table is None else table_in_words(values, table),
    )


def _worded(values: Values, text: str) -> str:
    return in_words(values, naming_policy(values, text))


def _choices(values: Values) -> Table | None:
    """The choices that matter most to each outcome, as many as fit."""
    table = CHOICES.fill(values)
    outcomes = list(dict.fromkeys(row["outcome"] for row in table.rows))
    if not outcomes:
        return None
    each = max(1, MOST_ROWS // len(outcomes))
    rows = [row for name in outcomes for row in table.where(outcome=name).rows[:each]][:MOST_ROWS]
    keys = ("label", "choice", "size", "lowest", "at_lowest", "highest", "at_highest")
    return Table(table.name, "The choices that move the mean most", table.select(*keys).columns, tuple(rows),
                 panel=table.panel)  # fmt: skip


def _verdicts(values: Values) -> Table | None:
    """A row a claim."""
    table = CLAIMS.fill(values)
    return table.select("claim", "verdict", "number").titled("Each claim with its verdict") if table.rows else None


# Label and question of the sections whose sentences the appendix has already.
FROM_APPENDIX: Mapping[str, tuple[str, str]] = {
    "data": ("Data", "What are the numbers made from?"),
    "published": ("Published tables", "Do the published tables hold together?"),
    "models": ("Fits", "Can the computations be trusted?"),
}
PLANS: Mapping[str, Plan] = {
    "event-study": Plan(
        "Event study", "Did something change in the years after the onset, and not before?", said.event_study,
        ("event_study",),
    ),
    "paths": Plan(
        "Without the policy", "What would have been without the policy?", said.paths, ("paths", "additional_trade"),
    ),
    "replication": Plan(
        "Replication", "Do the paper's tables come back from code?", said.replication, ("fake_groups",), closed=True,
    ),
    "consistency": Plan("One data set?", "Can one data set give the paper's tables?", said.consistency),
    "pretrends": Plan(
        "Before the onset", "Before the policy: did the groups move apart, and would it show?", said.pretrends,
        ("pretrend",),
    ),
    "honest": Plan("Honest DID", "What if trends were not parallel?", said.honest, ("honest_walk",)),
    "placebo": Plan(
        "Placebos", "Would we have seen this without the policy?", said.placebo,
        ("placebo_region", "placebo_space", "placebo_time", "placebo_predictive"),
    ),
    "pool": Plan(
        "All regions", "What do all units of the file say about shocks that a region shares?", said.pool,
        ("wide_pool",), closed=True,
    ),
    "propensity": Plan("Comparability", "How comparable are the controls?", said.propensity, ("psm_did",)),
    "moderation": Plan(
        "Moderation", "Does the moderator weaken the effect?", said.captions("moderation"),
        ("moderation_slope", "moderation"),
    ),
    "mechanism": Plan("Mechanisms", "Through which channel?", said.captions("mechanism"), ("mechanism",)),
    "joint": Plan("Both outcomes", "Did both outcomes rise?", said.captions("joint"), ("joint",), closed=True),
    "categories": Plan(
        "Categories", "Which categories gained?", said.captions("category_effects"),
        ("category_effects",), closed=True,
    ),
    "compare": Plan(
        "Model comparison", "Which model predicts what it has not seen?", said.compare, ("model_scores",), closed=True,
    ),
    "controls": Plan(
        "Controls", "Does the answer depend on the choice of controls?",
        said.controls, ("contamination", "control_pool"),
    ),
    "speccurve": Plan(
        "Specifications", "Which answers would other choices have given?", said.speccurve, ("spec_curve",),
        closed=True,
    ),
    "prior": Plan(
        "Priors", "Does the answer depend on a prior?", said.prior, ("prior_predictive", "prior_sensitivity"),
    ),
    "robustness": Plan(
        "Robustness", "Over every choice that was tried, where can the answer lie?", said.robustness,
        ("robustness",), closed=True, table=_choices,
    ),
    "claims": Plan("Claims", "Which of the paper's claims hold?", said.claims, table=_verdicts),
    "power": Plan(
        "Power", "If the published effect were true, would such a panel show it?", said.power, ("power",),
    ),
}  # fmt: skip
