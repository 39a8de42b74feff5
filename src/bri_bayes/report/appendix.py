"""What does the appendix show? Every section with all its figures and tables, from values and figures alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bri_bayes.core.json_values import from_json
from bri_bayes.estimands.why_different import Difference
from bri_bayes.presentation import sentences
from bri_bayes.presentation import study_tables as tables
from bri_bayes.presentation.digits import digits_of
from bri_bayes.presentation.estimate_text import difference_text
from bri_bayes.presentation.gates import failed_gates
from bri_bayes.presentation.main_tables import ADDITIONAL_TRADE, BY_MODEL, DIAGNOSTICS, PARAMETERS
from bri_bayes.presentation.page_parts import Paragraph, Part, with_policy_named
from bri_bayes.presentation.policy_name import naming_policy
from bri_bayes.presentation.study_tables import BY_EVENT_TIME, HEADLINE, Values, headline_notes, main_model
from bri_bayes.presentation.table_spec import Table, TableSpec
from bri_bayes.report.captions import caption
from bri_bayes.report.figures.inline import Inlined, inline_svg
from bri_bayes.report.paper_page import paper_content

# Further sections that follow the published evidence; the others follow the counterfactual paths.
_ABOUT_THE_PAPER = ("replication", "consistency")
Sections = Mapping[str, tuple[str, Sequence[Part]]]


@dataclass(frozen=True)
class Drawing:
    """A figure of the page under its sentences. ``forms`` : the files of it beside the page, "svg" first."""

    name: str
    inlined: Inlined
    sentences: Sequence[str]
    forms: Sequence[str]


def appendix_content(values: Values, figures: Mapping[str, Path], sections: Sections) -> dict[str, Any]:
    """What the template shows; nothing is looked up or computed in the template."""
    texts = {name: caption(values, name) for name in figures}
    named = {anchor: [with_policy_named(values, part) for part in parts] for anchor, (_, parts) in sections.items()}
    said = {part.text for parts in named.values() for part in parts if isinstance(part, Paragraph)}
    told = {
        name: Drawing(
            name,
            inline_svg(path, name, " ".join(texts[name])),
            [sentence for sentence in texts[name] if sentence not in said],
            _forms(path),
        )
        for name, path in figures.items()
    }
    answered = [outcome for outcome in values["outcomes"].values() if main_model(outcome)]
    fits = DIAGNOSTICS.frame(values)
    content = {
        "title": values["study"]["title"],
        "banner": sentences.banner(values),
        "kind": values["panel"]["kind"],
        "provenance": tables.provenance(values),
        "panel": values["panel"],
        "units": [tables.unit_name(values, unit) for unit in values["panel"]["units"]],
        "years": _span(values["panel"]["periods"]),
        "treated": _treated(values),
        "empty": [tables.unit_name(values, unit) for unit in values["panel"].get("units_without_rows") or []],
        "warnings": _warnings(values),
        "drawings": told,
        "headline": list(_headline(values)),
        "event_time": _by_outcome(values, BY_EVENT_TIME, "by event time"),
        "additional": _whole(values, ADDITIONAL_TRADE),
        "models": _by_outcome(values, BY_MODEL, "every model"),
        "diagnostics": DIAGNOSTICS.fill(values),
        "parameters": _whole(values, PARAMETERS),
        "gate": _gate(fits),
        "failed": values.get("failed_gates", failed_gates(values)),
        "failed_in": {name: values[name].get("failed_gates", []) for name in sections},
        "quick": values.get("quick", False),
        "noun": sentences.unit_noun(values),
        "log_points": any(sentences.effect_unit(outcome) == "log points" for outcome in answered),
        "published": [
            outcome["published"]["source"] for outcome in values["outcomes"].values() if outcome.get("published")
        ],
    }
    content |= paper_content(values)
    content["sections"] = {anchor: parts for anchor, parts in named.items() if parts}
    further = [(anchor, title) for anchor, (title, parts) in sections.items() if parts]
    contents = [(anchor, naming_policy(values, title)) for anchor, title in _contents(content, further)]
    return content | {"contents": contents}


def _forms(path: Path) -> list[str]:
    """The page links to the files that are there."""
    return [form for form in ("svg", "png") if path.with_suffix(f".{form}").is_file()]


def _warnings(values: Values) -> list[str]:
    """Every warning once; one that not all outcomes share says whose it is."""
    outcomes_of: dict[str, list[str]] = {}
    for outcome in values["outcomes"].values():
        for warning in outcome.get("warnings") or []:
            outcomes_of.setdefault(warning, []).append(outcome["label"])
        if not main_model(outcome):
            outcomes_of.setdefault("No model was fitted.", []).append(outcome["label"])
    everyone = len(values["outcomes"])
    return [text if len(whose) == everyone else f"{', '.join(whose)}: {text}" for text, whose in outcomes_of.items()]


def _treated(values: Values) -> list[str]:
    """Treated units with their onset, one line for each distinct list."""
    lines = []
    for outcome in values["outcomes"].values():
        names, onset = tables.treated_since(values, outcome), tables.common_onset(outcome)
        lines.append(names if onset is None else f"{names} (from {onset})")
    return list(dict.fromkeys(lines))


def _span(periods: Sequence[int]) -> str:
    return f"{min(periods)} to {max(periods)} ({len(periods)} periods)" if periods else "none"


def _gate(fits: pd.DataFrame) -> str | None:
    passes = fits["passes"].dropna()
    if passes.empty:
        return None
    rule = "R-hat below 1.01 and an effective sample above 400; for the closed form also k-hat below 0.7"
    return f"{int(passes.sum())} of {len(passes)} fits pass the gate ({rule})."


def _contents(content: Mapping[str, Any], further: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sections with content now, in the order of the page."""
    drawings = content["drawings"]
    paths = "paths" in drawings or "additional_trade" in drawings
    sections = [
        ("answer", "The answer", True),
        ("data", "Data and provenance", True),
        ("published", "Published evidence and its audit", bool(content["audit"] or content["readings"])),
        *((anchor, title, True) for anchor, title in further if anchor in _ABOUT_THE_PAPER),
        ("event-study", "Event study", "event_study" in drawings or bool(content["event_time"])),
        ("paths", "Without the policy", paths or content["additional"] is not None),
        *((anchor, title, True) for anchor, title in further if anchor not in _ABOUT_THE_PAPER),
        ("power", "What these countries could show", bool(content["power"])),
        ("models", "Models, diagnostics and time", bool(content["models"])),
        ("reading", "How to read this", True),
        ("files", "All files", True),
    ]
    return [(anchor, title) for anchor, title, has_content in sections if has_content]


def _headline(values: Values) -> Iterable[Table]:
    for outcome, table in _each(values, HEADLINE):
        notes = [*headline_notes(table.rows), *_why_different(outcome)]
        yield table.titled(f"{outcome['label']}, {sentences.effect_unit(outcome)}", notes=notes)


def _why_different(outcome: Values) -> list[str]:
    """Which assumption separates the posterior that is shown from least squares, where they are far from each other."""
    measured = (outcome.get("first") or {}).get("difference")
    if measured is None:
        return []
    att = main_model(outcome)["att"]
    logs = sentences.effect_unit(outcome) == "log points"
    digits = digits_of(att["lower"], att["upper"], "log" if logs else "none")
    return [difference_text(from_json(Difference, measured), digits)]


def _by_outcome(values: Values, spec: TableSpec, what: str) -> list[Table]:
    return [table.titled(f"{table.caption}, {what}", unit=table.unit) for _, table in _each(values, spec)]


def _each(values: Values, spec: TableSpec) -> Iterator[tuple[Values, Table]]:
    """The table of each outcome that has an answer, in its unit."""
    for name, outcome in values["outcomes"].items():
        table = spec.fill(values).where(outcome=name).without("label")
        if table.rows and main_model(outcome):
            yield outcome, table.titled(outcome["label"], unit=sentences.effect_unit(outcome))


def _whole(values: Values, spec: TableSpec) -> Table | None:
    table = spec.fill(values)
    return table if table.rows else None
