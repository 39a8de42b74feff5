"""Section: through which channel does the effect run?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from bri_bayes.checks.mediation import mediation_values
from bri_bayes.paper.model_tables import MECHANISM_TABLES, table_column, table_columns
from bri_bayes.presentation import sentences
from bri_bayes.presentation.gates import exceeded
from bri_bayes.presentation.page_parts import (
    Paragraph,
    Part,
    Picture,
    Shown,
    chance,
    digits_of,
    page_table,
    plain,
    row_name,
)
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.claim_rules import judged
from bri_bayes.report.sections.paper import of_paper, paper_frame, paper_parts, paper_steps
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step

NAME = "mechanism"
WARNING = (
    "What a regression of the outcome on a channel can show, as in Tables 6 and 7 of the paper: that the two move "
    "together. The policy stands in no term of it, so its coefficient cannot say whether the policy moved the channel, "
    "and any shock to both gives it too. A mechanism needs both arms, the policy's effect on the channel and "
    "the channel's on the outcome given the policy; and even these are an effect only if no unmeasured shock moves "
    "channel and outcome, which the figure of the confounder weighs."
)
_EFFECT = ("mean", "sd", "lower", "upper", "p_positive")
PATHS = {
    "channel_effect": "effect on the channel",
    "channel_slope": "slope of the outcome on the channel",
    "indirect": "through the channel",
    "direct": "not through the channel",
    "total": "total",
}


def channels_of(context: Context) -> list[str]:
    """The mediators of the study that vary in its panel."""
    return [name for name in context.study.mediators if _varies(context, name)]


def steps(context: Context) -> list[Step]:
    """A step for each outcome and channel, and for each column of Tables 5 to 7 where the study examines the paper."""
    found: list[Step] = []
    if context.main.structure != "linear":
        return found
    for outcome in context.study.outcomes:
        analysis = context.analysis(outcome)
        for channel in channels_of(context):
            own = context.analysis(channel)
            key = content_key(NAME, analysis.digest, own.digest, channel, context.seed)
            call = partial(mediation_values, analysis, channel, context.seed)
            found.append(Step(NAME, ("channel", outcome, channel), key, call))
    if context.study.audit and found:
        found += paper_steps(NAME, context, MECHANISM_TABLES, table_columns, table_column)
    return found


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """Channels by outcome, claims with verdicts, and the paper's Tables 5 to 7 beside ours."""
    outcomes: dict[str, Any] = {}
    for name, outcome in context.study.outcomes.items():
        found = {at[2]: result for at, result in results.items() if at[:2] == ("channel", name)}
        if found:
            labels = {"label": outcome.label or name, "units": outcome.units, "transform": outcome.transform}
            outcomes[name] = {**labels, "channels": found}
    columns = context.study.mediators
    answered = {channel for outcome in outcomes.values() for channel in outcome["channels"]}
    named = sentences.listed([columns[name].label or name for name in columns if name in answered] or ["no channel"])
    channels = {name: {"label": columns[name].label or name, "units": columns[name].units} for name in columns}
    failed = [
        f"{NAME}/{name}/{channel}, {equation}: {', '.join(beyond)}"
        for name, outcome in outcomes.items()
        for channel, found in outcome["channels"].items()
        if not found["trustworthy"]
        for equation, diagnostics in found["diagnostics"].items()
        if (beyond := exceeded(diagnostics))
    ]
    claims = judged(context, ("mediation",), outcomes, channels=named)
    return SectionResult(
        outcomes, claims, failed_gates=failed, further={"channels": channels, "paper": of_paper(results)}
    )


def paths(values: Values) -> pd.DataFrame:
    """Each arm and each path of each channel, and the correlation of the errors that would take the channel away."""
    rows = []
    for name, outcome in values[NAME]["outcomes"].items():
        for channel, found in outcome["channels"].items():
            key = {"outcome": name, "label": outcome["label"], "channel": channel_label(values, channel)}
            for path, what in PATHS.items():
                rows.append(key | {"what": what} | {n: found[path][n] for n in _EFFECT})
            vanishing = found["confounder"]["vanishes_at"]
            row = {"mean": vanishing["median"], "lower": vanishing["lower"], "upper": vanishing["upper"]}
            rows.append(key | {"what": "correlation of errors that removes it"} | row)
    frame = pd.DataFrame(rows, columns=["outcome", "label", "channel", "what", *_EFFECT])
    return frame.astype(dict.fromkeys(_EFFECT, float)).assign(panel=values["panel"]["kind"])


def channel_alone(values: Values) -> pd.DataFrame:
    """The paper's kind of regression: the outcome on the channel alone, and with the policy in it."""
    rows = [
        {"outcome": name, "label": outcome["label"], "channel": channel_label(values, channel)}
        | {key: line.get(key) for key in ("estimator", "inference", "estimate", "se", "p_value")}
        for name, outcome in values[NAME]["outcomes"].items()
        for channel, found in outcome["channels"].items()
        for line in found["channel_alone"]
    ]
    columns = ["outcome", "label", "channel", "estimator", "inference", "estimate", "se", "p_value"]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype(dict.fromkeys(columns[5:], float)).assign(panel=values["panel"]["kind"])


def channel_label(values: Values, channel: str) -> str:
    """The label of a channel."""
    return str(values[NAME]["channels"][channel]["label"])


def parts(values: Values) -> list[Part]:
    """The warning, figures, tables, and the paper's Tables 5 to 7."""
    own = values[NAME]
    if not own["outcomes"]:
        return []
    found: list[Part] = [Paragraph(WARNING, strong=True), Picture("mechanism"), Picture("mechanism_confounder")]
    found += [Paragraph(text) for text in _lost(values)]
    show = {
        "label": ("Outcome", row_name),
        "channel": ("Channel", plain),
        "what": ("", plain),
        "mean": ("Mean", digits_of(4)),
        "lower": ("Lower", digits_of(4)),
        "upper": ("Upper", digits_of(4)),
        "p_positive": ("P(> 0)", chance),
    }
    text = "Both arms and both paths of every channel"
    found.append(Shown(page_table(paths(values), text, show), folded=text))
    show_alone = {
        "label": ("Outcome", row_name),
        "channel": ("Channel", plain),
        "estimator": ("Regression", plain),
        "inference": ("Standard error", plain),
        "estimate": ("Coefficient", digits_of(4)),
        "se": ("s.e.", digits_of(4)),
        "p_value": ("p", digits_of(3)),
    }
    text = "The outcome on the channel alone, as the paper has it, and with the policy in the regression"
    found.append(Shown(page_table(channel_alone(values), text, show_alone), folded=text))
    return [*found, *paper_parts(own["paper"], "Tables 5 to 7")]


def _lost(values: Values) -> list[str]:
    """Which channels have fewer rows than the others? Rows without a channel are left out, none is filled."""
    texts = []
    for outcome in values[NAME]["outcomes"].values():
        rows = {channel: found["rows"] for channel, found in outcome["channels"].items()}
        most = max(rows.values())
        fewer = [f"{channel_label(values, channel)} {count}" for channel, count in rows.items() if count < most]
        if fewer:
            texts.append(
                f"{outcome['label']}: of {most} rows have the channel: {sentences.listed(fewer)}; none is filled."
            )
    return texts


def _varies(context: Context, channel: str) -> bool:
    cells = context.panel[channel].to_numpy()
    return bool(np.isfinite(cells).any() and np.nanmax(np.nanmax(cells, axis=1) - np.nanmin(cells, axis=1)) > 0)


SECTION = Section(
    name=NAME,
    title="Mechanisms: through which channel?",
    steps=steps,
    collect=collect,
    parts=parts,
    tables={
        "mechanism_paths": ("Effects through and beside each channel", paths),
        "mechanism_channel_alone": ("The outcome on a channel, without and with the policy", channel_alone),
        "mechanism_paper": (
            "Tables 5 to 7 printed, reproduced by least squares on the reconstruction, and their posterior",
            lambda values: paper_frame(values, values[NAME].get("paper", [])),
        ),
    },
)
