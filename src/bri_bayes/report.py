"""How does a reader see the study? One HTML file that opens without a network, made from values and figures alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bri_bayes import sentences, tables
from bri_bayes.errors import InputError, suggest
from bri_bayes.files import write_text
from bri_bayes.resources import shipped
from bri_bayes.tables import Values, main_model

TEMPLATE = "report.html.j2"
FIGURES = ("comparison", "forest", "event_study", "paths", "additional_trade")
# What Matplotlib writes into an SVG; anything else has no place in the page.
_SVG_TAGS = {"svg", "g", "path", "defs", "use", "clipPath", "rect", "text", "tspan"}
_SVG_DROPPED = {"metadata", "style", "title"}
_ALERTS = {"simulation", "reconstruction"}


@dataclass(frozen=True)
class Cell:
    """What stands in a table. ``value`` : the number behind the text; ``heading`` : it names its row."""

    text: str
    value: float | None = None
    heading: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the page. ``numeric`` : which columns hold numbers."""

    caption: str
    headings: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Drawing:
    """A figure of the page under its sentences."""

    name: str
    svg: Markup
    sentences: Sequence[str]


def render_report(values: Values, figures: Mapping[str, Path], out: Path) -> Path:
    """Write the report of ``values`` to ``out``; the same values and figures give the same bytes.

    ``figures`` : the SVG of each figure by its name; a section without figure and numbers is left out.
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
    write_text(out, environment.get_template(TEMPLATE).render(page_content(values, figures)))
    return out


def page_content(values: Values, figures: Mapping[str, Path]) -> dict[str, Any]:
    """What the template shows; nothing is looked up or computed in the template."""
    told = {name: Drawing(name, inline_svg(path, name, " ".join(texts := _texts(values, name))), texts)
            for name, path in figures.items()}  # fmt: skip
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
        "answers": [_answer(values, outcome) for outcome in answered],
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
        "published": [outcome["published"]["source"] for outcome in values["outcomes"].values() if outcome.get("published")],
    }
    return content | {"contents": _contents(content)}


def inline_svg(path: Path, name: str, label: str) -> Markup:
    """The SVG of a figure as an element of an HTML page: own ids, no namespaces, nothing that loads or runs."""
    root = ET.parse(path).getroot()
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in _SVG_DROPPED:
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        if element.tag not in _SVG_TAGS:
            raise InputError(f"{path}: a figure of the report cannot hold <{element.tag}>; draw it again")
        element.attrib = {_local(key): _own_id(_local(key), value, name) for key, value in element.attrib.items()}
        if any(key.lower().startswith("on") for key in element.attrib):
            raise InputError(f"{path}: a figure of the report cannot hold an event handler; draw it again")
    for size in ("width", "height", "version"):
        root.attrib.pop(size, None)
    root.attrib |= {"role": "img", "aria-label": label}
    return Markup(ET.tostring(root, encoding="unicode"))


def _local(name: Any) -> str:
    return str(name).rpartition("}")[2]


def _own_id(key: str, value: str, name: str) -> str:
    """Ids are unique in a page, so each figure puts its name before its own."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        if not value.startswith("#"):
            raise InputError(f'the figure "{name}" refers to {value}; only parts of itself are allowed')
        return f"#{name}-{value[1:]}"
    return value.replace("url(#", f"url(#{name}-")


def _texts(values: Values, figure: str) -> list[str]:
    """The plain sentences over a figure, one for each outcome that it shows."""
    headline, paths = tables.headline(values), tables.by_event_time(values)
    texts: list[str] = []
    for name, outcome in values["outcomes"].items():
        model = main_model(outcome)
        if not model:
            continue
        if figure == "comparison":
            texts.append(sentences.comparison(headline[headline["outcome"] == name]))
        elif figure == "forest" and model.get("by_unit"):
            texts.append(sentences.by_unit(values, outcome))
        elif figure == "event_study":
            texts += [sentences.event_study(outcome, path) for path in _event_paths(paths, name, outcome)]
        elif figure == "paths" and model.get("counterfactual"):
            texts.append(sentences.paths(values, outcome))
        elif figure == "additional_trade" and model.get("additional_trade_usd"):
            texts.append(sentences.additional_trade(outcome))
    return texts


def _event_paths(table: pd.DataFrame, name: str, outcome: Values) -> list[pd.DataFrame]:
    own = tables.event_study_rows(table, name, outcome)
    return [own[own["baseline"] == baseline] for baseline in dict.fromkeys(own["baseline"])]


def _answer(values: Values, outcome: Values) -> dict[str, Any]:
    att, digits = main_model(outcome)["att"], sentences.decimals(outcome)
    return {
        "label": outcome["label"],
        "mean": Cell(sentences.signed(att["mean"], digits), att["mean"]),
        "unit": sentences.effect_unit(outcome),
        "lower": Cell(sentences.number(att["lower"], digits), att["lower"]),
        "upper": Cell(sentences.number(att["upper"], digits), att["upper"]),
        "probability": Cell(sentences.probability(att["p_positive"]), att["p_positive"]),
        "verdict": sentences.verdict(att).replace(" ", "-"),
        "sentence": sentences.answer(values, outcome),
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


def _contents(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Sections with content now, in the order of the page."""
    drawings = content["drawings"]
    paths = "paths" in drawings or "additional_trade" in drawings
    sections = [
        ("answer", "The answer", True),
        ("data", "Data and provenance", True),
        ("event-study", "Event study", "event_study" in drawings or bool(content["event_time"])),
        ("paths", "Without the policy", paths or content["additional"] is not None),
        ("models", "Models, diagnostics and time", bool(content["models"])),
        ("reading", "How to read this", True),
    ]
    return [(anchor, title) for anchor, title, has_content in sections if has_content]


Show = Callable[[Any], Cell]


def _plain(value: Any) -> Cell:
    return Cell("" if pd.isna(value) else str(value))


def _name(value: Any) -> Cell:
    return Cell(str(value), heading=True)


def _digits(digits: int) -> Show:
    def show(value: Any) -> Cell:
        return Cell("–") if pd.isna(value) else Cell(sentences.number(float(value), digits), float(value))

    return show


def _p_value(value: Any) -> Cell:
    return Cell("<0.001", float(value)) if value < 0.001 else _digits(3)(value)


def _chance(value: Any) -> Cell:
    return Cell("–") if pd.isna(value) else Cell(sentences.probability(float(value), words=False), float(value))


def _dollars(value: Any) -> Cell:
    return Cell("–") if pd.isna(value) else Cell(sentences.dollars(float(value)), float(value))


def _passes(value: Any) -> Cell:
    return Cell("–" if pd.isna(value) else "yes" if value else "NO")


def _table(frame: pd.DataFrame, caption: str, columns: Mapping[str, tuple[str, Show]]) -> Table:
    """``columns`` : column of the frame -> heading and how a value is shown. Columns without a value are left out."""
    kept = {name: column for name, column in columns.items() if not frame[name].replace("", pd.NA).isna().all()}
    rows = [[show(row[name]) for name, (_, show) in kept.items()] for row in frame.to_dict("records")]
    numeric = [show not in (_plain, _name, _passes) for _, show in kept.values()]
    return Table(caption, [heading for heading, _ in kept.values()], numeric, rows)


def _each(values: Values, frame: pd.DataFrame) -> Iterator[tuple[Values, pd.DataFrame]]:
    for name, outcome in values["outcomes"].items():
        own = frame[frame["outcome"] == name]
        if not own.empty and main_model(outcome):
            yield outcome, own


def _effect(digits: int) -> dict[str, tuple[str, Show]]:
    names = {"mean": "mean", "sd": "sd", "lower": "2.5%", "upper": "97.5%"}
    shown = {name: (heading, _digits(digits)) for name, heading in names.items()}
    return {**shown, "p_positive": ("P(> 0)", _chance)}


def _headline(values: Values) -> Iterable[Table]:
    for outcome, own in _each(values, tables.headline(values)):
        show = _digits(sentences.decimals(outcome) + 1)
        numbers = {"estimate": "estimate", "se": "s.e. or sd", "lower": "lower 95%", "upper": "upper 95%"}
        columns = {name: (heading, show) for name, heading in numbers.items()}
        columns |= {"p_value": ("p-value", _p_value), "p_positive": ("P(> 0)", _chance)}
        columns |= {"n_assignments": ("assignments", _digits(0)), "note": ("note", _plain)}
        yield _table(own, f"{outcome['label']}, {sentences.effect_unit(outcome)}", {"method": ("method", _name), **columns})


def _event_time(values: Values) -> list[Table]:
    found = []
    for outcome, own in _each(values, tables.by_event_time(values)):
        texts = {"event_time": ("years since the onset", _name), "period": ("year", _plain)}
        texts |= {"model": ("model", _plain), "baseline": ("against", _plain)}
        found.append(_table(own, outcome["label"], {**texts, **_effect(sentences.decimals(outcome) + 1)}))
    return found


def _additional(values: Values) -> Table | None:
    frame = tables.additional_trade(values)
    if frame.empty:
        return None
    texts = {"period": ("year", _name), "label": ("outcome", _plain), "model": ("model", _plain)}
    amounts = {"mean": ("mean", _dollars), "lower": ("2.5%", _dollars), "upper": ("97.5%", _dollars)}
    return _table(frame, tables.CAPTIONS["additional_trade"], {**texts, **amounts, "p_positive": ("P(> 0)", _chance)})


def _models(values: Values) -> list[Table]:
    texts = {"model": ("model", _name), "title": ("what it says", _plain), "baseline": ("baseline", _plain)}
    return [
        _table(own, outcome["label"], {**texts, **_effect(sentences.decimals(outcome) + 1)})
        for outcome, own in _each(values, tables.by_model(values))
    ]


def _diagnostics(fits: pd.DataFrame) -> Table:
    columns: dict[str, tuple[str, Show]] = {"model": ("model", _name), "label": ("outcome", _plain)}
    columns |= {"engine": ("engine", _plain), "passes": ("passes", _passes), "ess": ("ESS", _digits(0))}
    columns |= {"rhat": ("R-hat", _digits(3)), "khat": ("k-hat", _digits(2)), "divergences": ("divergences", _digits(0))}
    columns |= {"log_marginal": ("log marginal likelihood", _digits(1)), "seconds": ("seconds", _digits(2))}
    return _table(fits, tables.CAPTIONS["diagnostics"], {**columns, "notes": ("notes", _plain)})


def _parameters(values: Values) -> Table | None:
    frame = tables.parameters(values)
    if frame.empty:
        return None
    texts = {"parameter": ("parameter", _name), "model": ("model", _plain), "label": ("outcome", _plain)}
    return _table(frame, tables.CAPTIONS["parameters"], {**texts, **_effect(3)})
