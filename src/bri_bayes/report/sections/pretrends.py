"""Section: did treated and control units move apart before the policy, and would this panel have shown it?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from bri_bayes.checks import CheckResult
from bri_bayes.design.analysis import Analysis
from bri_bayes.presentation import sentences
from bri_bayes.presentation.page_parts import Paragraph, Part, Picture, Shown, chance, digits_of, page_table, row_name
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values, provenance
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

NAME = "pretrends"
PANELS, QUICK_PANELS = 1000, 200
RULE = (
    "A violation is found when the 95% interval of the difference in linear trends before the onset leaves zero out. "
    "Silence counts as passed only if a trend that makes half of the claimed effect would be found in 80% of panels."
)


def steps(context: Context) -> list[Step]:
    """A step an outcome."""
    panels = QUICK_PANELS if context.quick else PANELS
    found = []
    for name, outcome in context.study.outcomes.items():
        analysis = context.analysis(name)
        claim = None if outcome.published is None else outcome.published.estimate
        key = content_key(NAME, analysis.digest, claim, panels, context.seed)
        found.append(Step(NAME, (name,), key, partial(_pretrend, analysis, claim, panels, context.seed)))
    return found


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """The values of each outcome, and the check with its rule."""
    outcomes: dict[str, Any] = {}
    checks: list[CheckResult] = []
    for name, outcome in context.study.outcomes.items():
        values = results[name,]
        label = outcome.label or name
        outcomes[name] = {"label": label, "onset": min(context.study.assignment.onsets), "pretrend": values or None}
        if values.get("problem"):
            outcomes[name] |= {"pretrend": None, "problem": values["problem"]}
            continue
        checks.append(
            CheckResult(
                f"{NAME}/{name}",
                "Did treated and control units move apart before the onset?",
                RULE,
                values["passed"],
                values["leads"],
                f"{label}: {sentence(values)}",
            )
        )
    return SectionResult(outcomes, judged(context, ("parallel_trends",), outcomes), checks)


def parts(values: Values) -> list[Part]:
    """The rule, the figure, and the leads."""
    own = values[NAME]
    shown: list[Part] = [Paragraph(RULE)]
    shown += [Paragraph(check["detail"], strong=check["passed"] is False) for check in own["checks"]]
    shown += [
        Paragraph(f"{outcome['label']}: no check, {outcome['problem']}.")
        for outcome in own["outcomes"].values()
        if outcome.get("problem")
    ]
    if own["checks"]:
        shown.append(Picture("pretrend"))
        columns = {
            "label": ("outcome", row_name),
            "period": ("year", row_name),
            "mean": ("mean", digits_of(3)),
            "lower": ("2.5%", digits_of(3)),
            "upper": ("97.5%", digits_of(3)),
            "p_beyond_half": ("P(beyond half of the claim)", chance),
        }
        caption = "Treated against control units in each year before the onset, from the pre-period average"
        shown.append(Shown(page_table(leads(values), caption, columns), folded="Every year before the onset"))
    return shown


def sentence(values: Mapping[str, Any]) -> str:
    """What was found, what could have been found, and what follows, by the rule."""
    slope = values["slope"]
    found = (
        f"the treated units' trend before the onset differs by {sentences.signed(slope['mean'], 3)} a year "
        f"(95% interval {sentences.interval(slope['lower'], slope['upper'], 3)})"
    )
    smallest, bias = (values[f"detectable_{what}"] for what in ("slope", "bias"))
    could = (
        f"the smallest trend that this panel shows in 80% of cases is {sentences.number(smallest, 3)} a year, "
        f"which biases the effect by {sentences.number(bias, 2)}"
    )
    end = {
        False: "the check finds a violation",
        None: "the check finds no violation, and could not have been expected to find one that matters",
        True: "the check finds no violation, and would have found one that makes half of the claimed effect",
    }[values["passed"]]
    return f"{found}; {could}; {end}."


def slopes(values: Values) -> pd.DataFrame:
    """A row an outcome: the slope, what could be detected, the verdict."""
    rows = []
    for name, outcome in values[NAME]["outcomes"].items():
        if found := outcome["pretrend"]:
            rows.append(
                {
                    "outcome": name,
                    "label": outcome["label"],
                    **{f"slope_{key}": found["slope"][key] for key in ("mean", "lower", "upper", "p_positive")},
                    "detectable_slope": found["detectable_slope"],
                    "detectable_bias": found["detectable_bias"],
                    "claim": found["claim"],
                    "false_alarms": found["size"],
                    "p_largest_gap": found["p_largest_gap"],
                    "violation": found["flagged"],
                }
            )
    return _with_panel(values, rows)


def leads(values: Values) -> pd.DataFrame:
    """A row an outcome and year before the onset."""
    rows = [
        {"outcome": name, "label": outcome["label"], **lead}
        for name, outcome in values[NAME]["outcomes"].items()
        if outcome["pretrend"]
        for lead in outcome["pretrend"]["leads"]
    ]
    return _with_panel(values, rows)


def _with_panel(values: Values, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).assign(panel=provenance(values))


def _pretrend(analysis: Analysis, claim: float | None, panels: int, seed: int) -> dict[str, Any]:
    from bri_bayes.checks.null_model import problem_of
    from bri_bayes.checks.pretrend import pretrend_values

    if (reason := problem_of(analysis)) is not None:
        return {"problem": reason}
    return pretrend_values(analysis, claim, panels=panels, seed=seed)


SECTION = Section(
    name=NAME,
    title="Before the policy: did the groups move apart?",
    steps=steps,
    collect=collect,
    parts=parts,
    tables={
        "pretrends": ("Difference in linear trends before the onset", slopes),
        "pretrend_leads": ("Treated against control units in each year before the onset", leads),
    },
)
