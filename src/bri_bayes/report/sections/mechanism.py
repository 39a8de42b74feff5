"""Section: through which channel does the effect run?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bri_bayes.checks.mediation import Mediation, mediation_values
from bri_bayes.core.json_values import json_safe
from bri_bayes.paper.model_tables import MECHANISM_TABLES, table_column, table_columns
from bri_bayes.presentation import sentences
from bri_bayes.presentation.gates import exceeded
from bri_bayes.presentation.names_shown import in_sentence
from bri_bayes.presentation.page_parts import Paragraph, Part, Picture, Shown
from bri_bayes.presentation.results import Described, SectionResult
from bri_bayes.presentation.study_tables import OUTCOME, Values
from bri_bayes.presentation.table_spec import Column, TableSpec, effect_columns
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.paper import of_paper, paper_parts, paper_steps, paper_table
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

NAME = "mechanism"
WARNING = (
    "What a regression of the outcome on a channel alone can show: that the two move "
    "together. The policy stands in no term of it, so its coefficient cannot say whether the policy moved the channel, "
    "and any shock to both gives it too. A mechanism needs both arms, the policy's effect on the channel and "
    "the channel's on the outcome given the policy; and even these are an effect only if no unmeasured shock moves "
    "channel and outcome, which the figure of the confounder weighs."
)
PATHS = {
    "channel_effect": "effect on the channel",
    "channel_slope": "slope of the outcome on the channel",
    "indirect": "through the channel",
    "direct": "not through the channel",
    "total": "total",
}


@dataclass(frozen=True)
class MechanismOutcome(Described):
    """One outcome through each channel."""

    channels: Mapping[str, Mediation]


def channels_of(context: Context) -> list[str]:
    """The mediators of the study that vary in its panel."""
    return [name for name in context.study.mediators if _varies(context, name)]


def steps(context: Context) -> list[Step]:
    """A step for each outcome and channel, and for each column of Tables 5 to 7 where the study examines the paper."""
    pieces: list[Step] = []
    if context.checked.structure != "linear":
        return pieces
    for outcome in context.study.outcomes:
        analysis = context.analysis(outcome)
        for channel in channels_of(context):
            of_channel = context.analysis(channel)
            key = content_key(NAME, analysis.digest, of_channel.digest, channel, context.seed)
            call = partial(mediation_values, analysis, channel, context.seed)
            pieces.append(Step(NAME, ("channel", outcome, channel), key, call, Mediation))
    if context.study.audit is True and pieces:
        pieces += paper_steps(NAME, context, MECHANISM_TABLES, table_columns, table_column)
    return pieces


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """Channels by outcome, claims with verdicts, and the paper's Tables 5 to 7 beside ours."""
    outcomes: dict[str, MechanismOutcome] = {}
    for name in context.study.outcomes:
        answers = {at[2]: result for at, result in results.items() if at[:2] == ("channel", name)}
        if answers:
            outcomes[name] = MechanismOutcome(**vars(context.described(name)), channels=answers)
    columns = context.study.mediators
    answered = {channel for outcome in outcomes.values() for channel in outcome.channels}
    labels = [in_sentence(columns[name].label or name) for name in columns if name in answered]
    named = sentences.listed(labels or ["no channel"])
    channels = {name: {"label": columns[name].label or name, "units": columns[name].units} for name in columns}
    failed = [
        f"{NAME}/{name}/{channel}, {equation}: {', '.join(beyond)}"
        for name, outcome in outcomes.items()
        for channel, mediation in outcome.channels.items()
        if not mediation.trustworthy
        for equation, diagnostics in mediation.diagnostics.items()
        if (beyond := exceeded(diagnostics))
    ]
    claims = judged(context, ("mediation",), json_safe(outcomes), channels=named)
    return SectionResult(
        outcomes, claims, failed_gates=failed, further={"channels": channels, "paper": of_paper(results)}
    )


def _path_rows(values: Values) -> Iterator[dict[str, Any]]:
    """Each arm and each path of each channel, and the correlation of the errors that would take the channel away."""
    for name, outcome in values[NAME]["outcomes"].items():
        for channel, answer in outcome["channels"].items():
            key = {"outcome": name, "label": outcome["label"], "channel": channel_label(values, channel)}
            for path, what in PATHS.items():
                yield {**key, "what": what, **answer[path]}
            vanishing = answer["confounder"]["vanishes_at"]
            row = {"mean": vanishing["median"], "lower": vanishing["lower"], "upper": vanishing["upper"]}
            yield {**key, "what": "correlation of errors that removes it", **row}


def _alone_rows(values: Values) -> Iterator[dict[str, Any]]:
    """The paper's kind of regression."""
    for name, outcome in values[NAME]["outcomes"].items():
        for channel, answer in outcome["channels"].items():
            key = {"outcome": name, "label": outcome["label"], "channel": channel_label(values, channel)}
            yield from ({**line, **key} for line in answer["channel_alone"])


def channel_label(values: Values, channel: str) -> str:
    """The label of a channel."""
    return str(values[NAME]["channels"][channel]["label"])


def parts(values: Values) -> list[Part]:
    """The warning, figures, tables, and the paper's Tables 5 to 7."""
    section = values[NAME]
    if not section["outcomes"]:
        return []
    shown: list[Part] = [Paragraph(WARNING, strong=True), Picture("mechanism"), Picture("mechanism_confounder")]
    shown += [Paragraph(text) for text in _lost(values)]
    for spec in (CHANNELS, ALONE):
        shown.append(Shown(spec.fill(values), folded=spec.caption))
    return [*shown, *paper_parts(PAPER.fill(values), "Tables 5 to 7")]


def _lost(values: Values) -> list[str]:
    """Which channels have fewer rows than the others? Rows without a channel are left out, none is filled."""
    texts = []
    for outcome in values[NAME]["outcomes"].values():
        rows = {channel: answer["rows"] for channel, answer in outcome["channels"].items()}
        most = max(rows.values())
        fewer = [f"{count} have {channel_label(values, channel)}" for channel, count in rows.items() if count < most]
        if fewer:
            texts.append(f"{outcome['label']}: of {most} rows {sentences.listed(fewer)}; none is filled.")
    return texts


def _varies(context: Context, channel: str) -> bool:
    cells = context.panel[channel].to_numpy()
    return bool(np.isfinite(cells).any() and np.nanmax(np.nanmax(cells, axis=1) - np.nanmin(cells, axis=1)) > 0)


CHANNELS = TableSpec(
    "mechanism_paths",
    "Both arms and both paths of every channel",
    (*OUTCOME, Column("channel", "channel", "name"), Column("what", "effect"), *effect_columns(digits=4)),
    _path_rows,
)
ALONE = TableSpec(
    "mechanism_channel_alone",
    "The outcome on the channel alone, as the paper has it, and with the policy in the regression",
    (
        *OUTCOME,
        Column("channel", "channel", "name"),
        Column("estimator", "regression"),
        Column("inference", "standard error"),
        Column("estimate", "coefficient", "number", 4, "effect"),
        Column("se", "s.e.", "number", 4, "effect"),
        Column("p_value", "p", "p-value"),
    ),
    _alone_rows,
)
PAPER = paper_table(NAME, "Tables 5 to 7")
SECTION = Section(
    name=NAME,
    title="Mechanisms: through which channel?",
    steps=steps,
    collect=collect,
    parts=parts,
    needs="a variable in [mediators], and a linear card of the checks",
    outcome=MechanismOutcome,
    tables=(CHANNELS, ALONE, PAPER),
)
