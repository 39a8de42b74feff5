"""Section: what do all units of the file say, when every region has shocks of its own? The wide pool."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bri_bayes.checks.placebo_pool import candidates
from bri_bayes.checks.wide_pool import WideAnswer, wide_answer, wide_problem
from bri_bayes.core.json_values import Result, json_safe
from bri_bayes.data.panel import Panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.first_answer import SHARED
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.presentation import page_parts as page
from bri_bayes.presentation import sentences
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import OUTCOME, Values
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns, in_csv
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step
from bri_bayes.study.model_card import load_card

NAME = "pool"
# The shocks of regions in words, and the comparisons of a figure or a table from the widest down.
PROCESSES: Mapping[str, str] = {
    "none": "no shocks",
    "like_errors": "shocks that last as errors do",
    "ar1": "AR(1) shocks",
    "random_walk": "shocks that stay (random walk)",
}
NARROW: Mapping[str, str] = {
    "independent": "no shared shocks",
    "shared": "shocks shared, the card's prior",
    "informed": "shocks shared, sd as the pool has it",
}


@dataclass(frozen=True)
class PoolOutcome(Result):
    """The wide pool of one outcome, or why there is none."""

    label: str
    units: str | None
    transform: str
    controls: int
    wide: WideAnswer | None = None
    no_pool: str | None = None


def steps(context: Context) -> list[Step]:
    """One piece of work an outcome that has a wide pool."""
    pieces = []
    for name in context.study.outcomes:
        analysis = shared_analysis(context, name)
        pool = context.pool()
        units = candidates(analysis, pool, [name])
        if wide_problem(analysis, pool, units) is None:
            series = series_of(pool, name, [*units, *analysis.assignment.treated_units])
            key = content_key(NAME, analysis.digest, tuple(units), *content_of(series, name), context.seed)
            call = partial(_work, analysis, series, tuple(units), context.seed)
            pieces.append(Step(NAME, (name,), key, call, WideAnswer))
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """By outcome, and the gates that failed."""
    outcomes = {}
    for name, outcome in context.study.outcomes.items():
        analysis, wide = shared_analysis(context, name), results.get((name,))
        pool = context.pool()
        reason = wide_problem(analysis, pool, candidates(analysis, pool, [name])) if wide is None else None
        about = (outcome.label or name, outcome.units, outcome.transform)
        outcomes[name] = PoolOutcome(*about, len(analysis.assignment.never_treated), wide, reason)
    failed = [
        f"wide pool, {outcome.label}: the largest k-hat is {outcome.wide.khat:.2f}, above {KHAT_LIMIT}"
        for outcome in outcomes.values()
        if outcome.wide is not None and outcome.wide.khat >= KHAT_LIMIT
    ]
    return SectionResult(outcomes, failed_gates=failed)


def shared_analysis(context: Context, outcome: str) -> Analysis:
    """The recipe of the study for an outcome under the card whose treated units share shocks."""
    card = context.study.adjusted(dataclasses.replace(load_card(SHARED), sampler=context.checked.sampler))
    return context.analysis(outcome, card)


def series_of(pool: Panel, outcome: str, units: list[str]) -> Panel:
    """What the work on one outcome reads of the pool."""
    return pool[[outcome]].sel(unit=sorted(set(units)))


def content_of(series: Panel, outcome: str) -> tuple[bytes, tuple[str, ...]]:
    """What names ``series_of`` in a cache: the outcome's bytes, and the groups of its units."""
    groups = tuple(str(label) for label in series["group"].to_numpy()) if "group" in series.coords else ()
    return series[outcome].to_numpy().tobytes(), groups


def parts(values: Values) -> list[page.Part]:
    """Sentences, the figure, the table."""
    outcomes = values[NAME]["outcomes"]
    shown: list[page.Part] = [
        page.Paragraph(
            "The treated are one region, and of how large a region's shocks are one region says little. Here every "
            "unit of the file with a complete outcome is in the model, each region with shocks of its own, so that "
            "their size is learned from all regions; the treated one adds the years before the onset. What they teach "
            "is then the prior of the study's own units, which were among the teachers: they count twice, a little."
        )
    ]
    shown += [page.Paragraph(text) for name in outcomes for text in reading(values, name)]
    if any(outcome.get("wide") for outcome in outcomes.values()):
        shown += [page.Picture("wide_pool"), *map(page.Shown, WIDE.fill(values).by_outcome())]
        shown.append(page.Shown(CHANGES.fill(values), folded="The change of every region around the onset"))
    return shown


def reading(values: Values, name: str) -> list[str]:
    """What the pool says of one outcome, and what it has taught."""
    outcome = values[NAME]["outcomes"][name]
    wide = outcome.get("wide")
    if not wide:
        return [f"{outcome['label']}: no wide pool; {outcome['no_pool']}."]
    by_process = {fit["process"]: fit for fit in wide["fits"]}
    fit, ratio = by_process["like_errors"], by_process["like_errors"]["ratio"]
    regions, informed = len(wide["regions"]), wide["informed"]
    factor = fit["log_bayes_factor"]
    weight = "for" if factor > 0 else "against"
    unit = sentences.effect_unit(outcome)
    treated = next(region["label"] for region in wide["regions"] if region["treated"])
    return [
        f"{outcome['label']}: {wide['units']} units in {regions} regions over {wide['periods']} periods. Around the "
        f"onset the averages of the other regions changed with an sd of {wide['change_sd']:.2f} {unit}; {treated} is "
        f"{wide['rank']} of {regions} from the top. The log Bayes factor is {abs(factor):.1f} {weight} shocks of "
        "regions. Against all other units the effect is "
        f"{sentences.signed(fit['att']['mean'], 2)} "
        f"({sentences.interval(fit['att']['lower'], fit['att']['upper'], 2)}).",
        f"{outcome['label']}: the pool has taught that a region's shock has {ratio['median']:.2f} "
        f"({sentences.interval(ratio['lower'], ratio['upper'], 2)}) times the sd of a unit's error, the units of all "
        "regions taken to err alike. With this as the prior of the shock that the treated share, a log-normal of "
        f"median {wide['taught']['median']:.3f} and log sd {wide['taught']['log_sd']:.2f}, the comparison with the "
        f"study's {sentences.counted(outcome['controls'], 'controls')} gives {sentences.signed(informed['mean'], 2)} "
        f"({sentences.interval(informed['lower'], informed['upper'], 2)}); with the card's own prior the sd of the "
        f"effect is {wide['shared']['sd']:.3f}, now {informed['sd']:.3f}.",
    ]


def _wide_rows(values: Values) -> Iterator[dict[str, Any]]:
    for name, outcome in values[NAME]["outcomes"].items():
        wide, key = outcome.get("wide"), {"outcome": name, "label": outcome["label"]}
        if not wide:
            continue
        for fit in wide["fits"]:
            against = f"all {wide['units'] - treated_units(wide)} others"
            row = {**key, "controls": against, "shocks": PROCESSES[fit["process"]], **fit["att"]}
            yield {**row, "log_bayes_factor": fit["log_bayes_factor"], "process": fit["process"]}
        for kind, title in NARROW.items():
            yield {**key, "controls": f"the study's {outcome['controls']}", "shocks": title, **wide[kind]}


def treated_units(wide: Values) -> int:
    """Treated units of a wide pool."""
    return sum(region["units"] for region in wide["regions"] if region["treated"])


def _change_rows(values: Values) -> Iterator[dict[str, Any]]:
    for name, outcome in values[NAME]["outcomes"].items():
        for region in (outcome.get("wide") or {}).get("regions", []):
            row = {"outcome": name, "label": outcome["label"], "region": region["label"], "units": region["units"]}
            yield {**row, "change": region["change"], "treated": "yes" if region["treated"] else "no"}


def _work(analysis: Analysis, pool: Panel, units: tuple[str, ...], seed: int) -> dict[str, Any]:
    return dict(json_safe(wide_answer(analysis, pool, units, seed=seed)))


WIDE = TableSpec(
    "wide_pool",
    "The effect in the wide pool and in the study",
    (
        *OUTCOME,
        Column("controls", "against", "name"),
        Column("shocks", "shocks of regions", "name"),
        *in_csv("process"),
        *effect_columns(digits=3),
        Column("log_bayes_factor", "log Bayes factor", "number", 1),
    ),
    _wide_rows,
)
CHANGES = TableSpec(
    "regions",
    "The change of each region's average around the onset",
    (
        *OUTCOME,
        Column("region", "region", "name"),
        Column("units", "units", "count"),
        Column("change", "change", "number", 2),
        Column("treated", "treated", "name"),
    ),
    _change_rows,
)
SECTION = Section(
    name=NAME,
    card=lambda context: load_card(SHARED),
    title="All units of the file, region by region",
    steps=steps,
    collect=collect,
    parts=parts,
    outcome=PoolOutcome,
    tables=(WIDE, CHANGES),
    needs="a table [groups] and a file with complete units of at least four other groups",
)
