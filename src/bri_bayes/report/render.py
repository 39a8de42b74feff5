"""How does a reader see the study? One HTML file that opens without a network, made from values and figures alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.io import write_text
from bri_bayes.core.resources import shipped
from bri_bayes.presentation import sentences
from bri_bayes.presentation import study_tables as tables
from bri_bayes.presentation.page_parts import (
    Cell,
    Part,
    Show,
    Table,
    chance,
    digits_of,
    dollars,
    p_value,
    page_table,
    passes,
    plain,
    row_name,
)
from bri_bayes.presentation.study_tables import Values, main_model
from bri_bayes.report.captions import caption
from bri_bayes.report.figures import FIGURES
from bri_bayes.report.figures.inline import inline_svg
from bri_bayes.report.paper_page import paper_content

TEMPLATE = "report.html.j2"
# Further sections that follow the published evidence; the others follow the counterfactual paths.
_ABOUT_THE_PAPER = ("replication", "consistency")


@dataclass(frozen=True)
class Drawing:
    """A figure of the page under its sentences."""

    name: str
    svg: Markup
    sentences: Sequence[str]


def render_report(
    values: Values,
    figures: Mapping[str, Path],
    out: Path,
    sections: Mapping[str, tuple[str, Sequence[Part]]] | None = None,
) -> Path:
    """Write the report of ``values`` to ``out``; the same values and figures give the same bytes.

    ``figures`` : the SVG of each figure by its name; a section without figure and numbers is left out. ``sections`` :
    title and parts of each further section by its anchor, in the order of the page.
    """
    for name in figures:
        if name not in FIGURES:
            raise InputError(f'the report has no place for the figure "{name}"; {suggest(name, FIGURES)}')
    environment = Environment(
        loader=FileSystemLoader(shipped("reports/templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    write_text(out, environment.get_template(TEMPLATE).render(page_content(values, figures, sections or {})))
    return out


def page_content(
    values: Values, figures: Mapping[str, Path], sections: Mapping[str, tuple[str, Sequence[Part]]]
) -> dict[str, Any]:
    """What the template shows; nothing is looked up or computed in the template."""
    texts = {name: caption(values, name) for name in figures}
    told = {
        name: Drawing(name, inline_svg(path, name, " ".join(texts[name])), texts[name])
        for name, path in figures.items()
    }
    answered = [outcome for outcome in values["outcomes"].values() if main_model(outcome)]
    fits = tables.diagnostics(values)
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
        "answers": [_answer(outcome) for outcome in answered],
        "drawings": told,
        "headline": list(_headline(values)),
        "event_time": _event_time(values),
        "additional": _additional(values),
        "models": _models(values),
        "diagnostics": _diagnostics(fits),
        "parameters": _parameters(values),
        "seconds": sentences.number(float(fits["seconds"].sum()), 1) if fits["seconds"].notna().any() else None,
        "gate": _gate(fits),
        "failed": sorted(set(fits.loc[fits["passes"].eq(False).fillna(False), "label"])),
        "noun": sentences.unit_noun(values),
        "log_points": any(sentences.effect_unit(outcome) == "log points" for outcome in answered),
        "published": [
            outcome["published"]["source"] for outcome in values["outcomes"].values() if outcome.get("published")
        ],
    }
    content |= paper_content(values)
    content["sections"] = {anchor: parts for anchor, (_, parts) in sections.items() if parts}
    further = [(anchor, title) for anchor, (title, parts) in sections.items() if parts]
    return content | {"contents": _contents(content, further)}


def _answer(outcome: Values) -> dict[str, Any]:
    att, digits = main_model(outcome)["att"], sentences.decimals(outcome)
    return {
        "label": outcome["label"],
        "mean": Cell(sentences.signed(att["mean"], digits), att["mean"]),
        "unit": sentences.effect_unit(outcome),
        "lower": Cell(sentences.number(att["lower"], digits), att["lower"]),
        "upper": Cell(sentences.number(att["upper"], digits), att["upper"]),
        "sentence": sentences.answer(outcome),
    }


def _warnings(values: Values) -> list[str]:
    """Every warning once; one that not all outcomes share says whose it is."""
    found: dict[str, list[str]] = {}
    for outcome in values["outcomes"].values():
        for warning in outcome.get("warnings") or []:
            found.setdefault(warning, []).append(outcome["label"])
        if not main_model(outcome):
            found.setdefault("No model was fitted.", []).append(outcome["label"])
    everyone = len(values["outcomes"])
    return [text if len(whose) == everyone else f"{', '.join(whose)}: {text}" for text, whose in found.items()]


def _treated(values: Values) -> list[str]:
    """Treated units with their onset, one line for each distinct list."""
    lines = []
    for outcome in values["outcomes"].values():
        names = ", ".join(tables.unit_name(values, unit) for unit in outcome["treated"])
        onset = tables.common_onset(outcome)
        lines.append(f"{names} (from {onset})" if onset is not None else f"{names} (from different periods)")
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
    ]
    return [(anchor, title) for anchor, title, has_content in sections if has_content]


def _each(values: Values, frame: pd.DataFrame) -> Iterator[tuple[Values, pd.DataFrame]]:
    for name, outcome in values["outcomes"].items():
        own = frame[frame["outcome"] == name]
        if not own.empty and main_model(outcome):
            yield outcome, own


def _effect(digits: int) -> dict[str, tuple[str, Show]]:
    names = {"mean": "mean", "sd": "sd", "lower": "2.5%", "upper": "97.5%"}
    shown = {name: (heading, digits_of(digits)) for name, heading in names.items()}
    return {**shown, "p_positive": ("P(> 0)", chance)}


def _headline(values: Values) -> Iterable[Table]:
    for outcome, own in _each(values, tables.headline(values)):
        digits = sentences.decimals(outcome) + 1
        columns: dict[str, tuple[str, Show]] = {
            "method": ("method", row_name),
            "estimate": ("estimate", digits_of(digits)),
        }
        columns |= {"se": ("s.e. or sd", digits_of(digits + 1)), "lower": ("lower 95%", digits_of(digits))}
        columns |= {"upper": ("upper 95%", digits_of(digits)), "p_value": ("p-value", p_value)}
        columns |= {"p_positive": ("P(> 0)", chance)}
        notes = [
            f"{row['method']}: {str(row['note']).rstrip('.')}."
            for row in own.dropna(subset=["note"]).to_dict("records")
        ]
        for row in own.dropna(subset=["n_assignments"]).to_dict("records"):
            notes.append(f"{row['method']}: {row['n_assignments']:,} assignments or sign vectors.")
        yield page_table(own, f"{outcome['label']}, {sentences.effect_unit(outcome)}", columns, notes)


def _event_time(values: Values) -> list[Table]:
    found = []
    for outcome, own in _each(values, tables.by_event_time(values)):
        texts = {"event_time": ("years since the onset", row_name), "period": ("year", plain)}
        texts |= {"model": ("model", plain), "baseline": ("against", plain)}
        # At the reference the effect is zero by definition: it has no sign.
        shown = own.assign(p_positive=own["p_positive"].where(own["sd"] > 0))
        found.append(page_table(shown, outcome["label"], {**texts, **_effect(sentences.decimals(outcome) + 1)}))
    return found


def _additional(values: Values) -> Table | None:
    frame = tables.additional_trade(values)
    if frame.empty:
        return None
    texts = {"period": ("year", row_name), "label": ("outcome", plain), "model": ("model", plain)}
    amounts = {"mean": ("mean", dollars), "lower": ("2.5%", dollars), "upper": ("97.5%", dollars)}
    return page_table(
        frame, tables.CAPTIONS["additional_trade"], {**texts, **amounts, "p_positive": ("P(> 0)", chance)}
    )


def _models(values: Values) -> list[Table]:
    texts = {"model": ("model", row_name), "title": ("what it says", plain), "baseline": ("baseline", plain)}
    return [
        page_table(own, outcome["label"], {**texts, **_effect(sentences.decimals(outcome) + 1)})
        for outcome, own in _each(values, tables.by_model(values))
    ]


def _diagnostics(fits: pd.DataFrame) -> Table:
    columns: dict[str, tuple[str, Show]] = {"model": ("model", row_name), "label": ("outcome", plain)}
    columns |= {"engine": ("engine", plain), "passes": ("passes", passes), "ess": ("ESS", digits_of(0))}
    columns |= {
        "rhat": ("R-hat", digits_of(3)),
        "khat": ("k-hat", digits_of(2)),
        "divergences": ("divergences", digits_of(0)),
    }
    columns |= {"log_marginal": ("log marginal", digits_of(1)), "seconds": ("seconds", digits_of(2))}
    return page_table(fits, tables.CAPTIONS["diagnostics"], {**columns, "notes": ("notes", plain)})


def _parameters(values: Values) -> Table | None:
    frame = tables.parameters(values)
    if frame.empty:
        return None
    texts = {"parameter": ("parameter", row_name), "model": ("model", plain), "label": ("outcome", plain)}
    return page_table(frame, tables.CAPTIONS["parameters"], {**texts, **_effect(3)})
