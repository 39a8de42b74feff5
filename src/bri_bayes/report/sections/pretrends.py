"""Section: did treated and control units move apart before the policy, and would this panel have shown it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bri_bayes.checks import CheckResult
from bri_bayes.checks.null_model import problem_of
from bri_bayes.checks.pretrend import Pretrend, pretrend_values
from bri_bayes.core.json_values import Result, json_safe
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.presentation import sentences
from bri_bayes.presentation.page_parts import Paragraph, Part, Picture, Shown
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import OUTCOME, Values, largest_lead
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

NAME = "pretrends"
PANELS, QUICK_PANELS = 1000, 200
RULE = (
    "A violation is found when the 95% interval of the difference in linear trends before the onset excludes zero. "
    "Silence counts as passed only if a trend that makes half of the claimed effect would be found in 80% of panels, "
    "and if the permutation test of all leads together does not reject at 5%: leads may be large without a trend."
)


@dataclass(frozen=True)
class PretrendOutcome(Result):
    """The check of an outcome, or the ``problem`` for which there is none."""

    label: str
    onset: int
    pretrend: Pretrend | None
    problem: str | None = None


def steps(context: Context) -> list[Step]:
    """A step for each outcome whose panel can be simulated without the policy."""
    panels = QUICK_PANELS if context.quick else PANELS
    checks = []
    for name, outcome in context.study.outcomes.items():
        analysis = context.analysis(name)
        if problem_of(analysis) is None:
            claim = None if outcome.published is None else outcome.published.estimate
            key = content_key(NAME, analysis.digest, claim, panels, context.seed)
            call = partial(pretrend_values, analysis, claim, panels=panels, seed=context.seed)
            checks.append(Step(NAME, (name,), key, call, Pretrend))
    return checks


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """The values of each outcome, and the check with its rule."""
    outcomes: dict[str, PretrendOutcome] = {}
    onset = min(context.study.assignment.onsets)
    for name in context.study.outcomes:
        check = results.get((name,))
        problem = None if check else problem_of(context.analysis(name))
        outcomes[name] = PretrendOutcome(context.described(name).label, onset, check, problem)
    checks = [
        CheckResult(
            f"{NAME}/{name}",
            "Did treated and control units move apart before the onset?",
            RULE,
            outcome.pretrend.passed,
            [lead.as_dict() for lead in outcome.pretrend.leads],
            f"{outcome.label}: {sentence(outcome.pretrend)}",
        )
        for name, outcome in outcomes.items()
        if outcome.pretrend
    ]
    return SectionResult(outcomes, judged(context, ("parallel_trends",), json_safe(outcomes)), checks)


def parts(values: Values) -> list[Part]:
    """The rule, the figure, and the leads."""
    section = values[NAME]
    shown: list[Part] = [Paragraph(RULE)]
    shown += [Paragraph(check["detail"], strong=check["passed"] is False) for check in section["checks"]]
    shown += [
        Paragraph(f"{outcome['label']}: no check, {outcome['problem']}.")
        for outcome in section["outcomes"].values()
        if outcome.get("problem")
    ]
    if section["checks"]:
        shown.append(Picture("pretrend"))
        shown.append(Shown(SLOPES.fill(values), folded="The trend, the largest lead, and the joint tests of all leads"))
        shown.append(Shown(LEADS.fill(values), folded="Every year before the onset"))
    return shown


def sentence(check: Pretrend) -> str:
    """What was observed, what could have been, and what follows, by the rule."""
    observed = (
        f"the treated units' trend before the onset differs by {sentences.signed(check.slope.mean, 3)} a year "
        f"(95% interval {sentences.interval(check.slope.lower, check.slope.upper, 3)})"
    )
    could = (
        "the smallest trend that this panel shows in 80% of cases is "
        f"{sentences.number(check.detectable_slope, 3)} a year, "
        f"which biases the effect by {sentences.number(check.detectable_bias, 2)}"
    )
    largest, joint = largest_lead(check.as_dict()), check.joint
    by_f = "" if joint.p_f is None else f"{sentences.number(joint.p_f, 3)} by F({joint.leads}, {joint.units - 1}), "
    together = (
        f"the largest lead is {sentences.signed(largest['mean'], 2)} in {largest['period']}, and all {joint.leads} "
        f"leads together have p = {sentences.number(joint.p_permutation, 3)} by permuting the treatment "
        f"({joint.assignments:,} assignments), {by_f}and {sentences.number(check.p_posterior, 3)} in their posterior"
    )
    end = {
        False: "the check finds a violation",
        None: "the check finds no trend, and the leads together are more than chance"
        if joint.p_permutation <= SIGNIFICANCE
        else "the check finds no violation, and could not have been expected to find one that matters",
        True: "the check finds no violation, and would have found one that makes half of the claimed effect",
    }[check.passed]
    return f"{observed}; {could}; {together}; {end}."


def _slope_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row an outcome: the slope, what could be detected, the verdict."""
    for name, outcome in values[NAME]["outcomes"].items():
        if pretrend := outcome["pretrend"]:
            slope = {f"slope_{key}": pretrend["slope"][key] for key in ("mean", "lower", "upper", "p_positive")}
            largest, joint = largest_lead(pretrend), pretrend["joint"]
            more = {"false_alarms": pretrend["size"], "violation": pretrend["flagged"]}
            more |= {"largest_lead": largest["mean"], "largest_lead_year": largest["period"], **joint}
            yield {"outcome": name, "label": outcome["label"], **pretrend, **slope, **more}


def _lead_rows(values: Values) -> Iterator[dict[str, Any]]:
    """A row an outcome and year before the onset."""
    for name, outcome in values[NAME]["outcomes"].items():
        for lead in (outcome["pretrend"] or {}).get("leads", []):
            yield {"outcome": name, "label": outcome["label"], **lead}


SLOPES = TableSpec(
    "pretrends",
    "Difference in linear trends before the onset",
    (
        *OUTCOME,
        Column("slope_mean", "difference a year", "number", scale="slope"),
        Column("slope_lower", "2.5%", "number", scale="slope"),
        Column("slope_upper", "97.5%", "number", scale="slope"),
        Column("slope_p_positive", "P(> 0)", "probability", minor=True),
        Column("detectable_slope", "detectable a year", "number", scale="slope"),
        Column("detectable_bias", "its bias", "number", 2),
        Column("claim", "claim", "number", 3, minor=True),
        Column("false_alarms", "false alarms", "probability", minor=True),
        Column("p_largest_gap", "P(a larger gap)", "p-value", minor=True),
        Column("largest_lead", "largest lead", "number", 2),
        Column("largest_lead_year", "its year", "year"),
        Column("p_permutation", "joint p, permutation", "p-value"),
        *in_csv("leads", "units", "assignments", kind="count"),
        *in_csv("f", "rho", kind="number"),
        Column("p_f", "joint p, F", "p-value"),
        Column("p_posterior", "joint p, posterior", "p-value"),
        Column("violation", "violation", "text"),
    ),
    _slope_rows,
    lambda values: (
        "Joint p: of all leads together being zero. Permutation: every choice of as many treated units, exact if each "
        "was equally likely. F: least squares with AR(1) errors, the number of leads and that of units less one as "
        "degrees of freedom; a cluster-robust covariance of more leads than units less two has no inverse. Posterior: "
        "the share of the leads' joint posterior that is as far from its mean as zero is.",
    ),
)
LEADS = TableSpec(
    "pretrend_leads",
    "Treated against control units in each year before the onset, from the pre-period average",
    (
        *OUTCOME,
        Column("period", "year", "year"),
        *effect_columns(digits=3),
        Column("p_beyond_half", "P(beyond half of the claim)", "probability"),
    ),
    _lead_rows,
)


SECTION = Section(
    name=NAME,
    title="Before the policy: did the groups move apart?",
    steps=steps,
    collect=collect,
    parts=parts,
    outcome=PretrendOutcome,
    tables=(SLOPES, LEADS),
)
