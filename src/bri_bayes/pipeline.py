"""The whole study in one command: load, fit, estimate, draw, report. Unchanged steps come from the cache."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import bri_bayes
from bri_bayes.analysis import Analysis
from bri_bayes.cache import Cache, code_digest, content_key
from bri_bayes.card import ModelCard, Sampler, card_path, load_card
from bri_bayes.errors import InputError
from bri_bayes.files import digest, write_json
from bri_bayes.panel import Panel
from bri_bayes.resources import shipped
from bri_bayes.steps import Step, run_steps
from bri_bayes.study import Study, load_study
from bri_bayes.summaries import fit_values, json_safe, panel_values, warnings_of

# Simulated panels of a cell of the design analysis.
PANELS, QUICK_PANELS = 1000, 200
# Fewer draws for a first look.
QUICK = Sampler(chains=4, draws=400, tune=500)


@dataclass(frozen=True)
class Run:
    """What a run left behind: the report, and a sentence for each fit whose diagnostics do not pass."""

    path: Path
    failed_gates: tuple[str, ...]


def run_study(
    study_path: Path | None,
    *,
    panel: Path | None = None,
    quick: bool = False,
    jobs: int = 1,
    out: Path | None = None,
    seed: int = 0,
    cache: Cache | None = None,
) -> Run:
    """Everything, to ``out`` (default reports/STUDY): values.json, figures, tables, report.html, manifest.json."""
    study = load_study(study_path, panel=panel)
    cards = {name: _card(name, study_path, quick=quick) for name in study.models}
    data = study.load()
    folder = out or default_out(study)
    steps = _steps(study, data, cards, seed)
    if study.audit:
        steps += _paper_steps(study, data, cards, seed, QUICK_PANELS if quick else PANELS)
    values, seconds = run_steps(steps, cache or Cache(), jobs=jobs)
    complete = json_safe(_study_values(study, data, cards, values))
    write_json(folder / "values.json", complete)
    path = _render(folder, complete)
    _write_manifest(folder, study, panel, seed=seed, quick=quick, seconds=seconds)
    return Run(path, tuple(_failed_gates(complete)))


def render_again(study_path: Path | None, *, out: Path | None = None) -> Path:
    """Figures, tables and HTML from the values.json of the last run of the study."""
    folder = out or default_out(load_study(study_path))
    source = folder / "values.json"
    try:
        values = json.loads(source.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{source}: no values of an earlier run can be read here; start with bri-bayes run") from error
    return _render(folder, values)


def init_study(folder: Path) -> Path:
    """A new folder with the shipped study and its cards; refuses a folder that has something in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is not empty; init makes a new folder")
    (folder / "models").mkdir(parents=True)
    shutil.copyfile(shipped("data") / "study.toml", folder / "study.toml")
    for name in load_study(None).models:
        shutil.copyfile(card_path(name), folder / "models" / f"{name}.toml")
    return folder / "study.toml"


def default_out(study: Study) -> Path:
    """reports/NAME below the folder where the command was started."""
    return Path("reports") / study.name


def _card(name: str, study_path: Path | None, *, quick: bool) -> ModelCard:
    """A card beside the study (models/NAME.toml) goes before the shipped one."""
    own = None
    if study_path is not None:
        root = study_path if study_path.is_dir() else study_path.parent
        own = root / "models" / f"{name}.toml"
    card = load_card(own if own is not None and own.is_file() else name)
    return dataclasses.replace(card, sampler=QUICK) if quick else card


def _steps(study: Study, data: Panel, cards: Mapping[str, ModelCard], seed: int) -> list[Step]:
    steps = []
    for outcome in study.outcomes:
        for name, card in cards.items():
            if card.outcome not in (None, outcome):
                continue
            analysis = Analysis(data, study.assignment, dataclasses.replace(card, outcome=outcome))
            labels = [card.name, card.title, data[outcome].attrs, data.attrs.get("kind")]
            key = content_key("fit-values", analysis.digest, seed, labels)
            steps.append(Step(f"{outcome}/{name}", key, partial(_fit_step, analysis, seed)))
        plain = Analysis(data, study.assignment, ModelCard(name="rows", title="rows", outcome=outcome))
        key = content_key("frequentist", plain.digest)
        steps.append(Step(f"{outcome}/frequentist", key, partial(_frequentist_step, plain)))
    return steps


def _paper_steps(study: Study, data: Panel, cards: Mapping[str, ModelCard], seed: int, panels: int) -> list[Step]:
    """The audit and the published estimates as data, and for each outcome with a published effect its power."""
    from bri_bayes.resources import shipped

    printed = [path.read_bytes() for path in sorted((shipped("data") / "published").rglob("*")) if path.is_file()]
    steps = [Step("paper/evidence", content_key("evidence", *printed), _evidence_step)]
    main = next(iter(cards.values()))
    for name, outcome in study.outcomes.items():
        if outcome.published is not None:
            analysis = Analysis(data, study.assignment, dataclasses.replace(main, outcome=name))
            claim = (outcome.published.estimate, outcome.published.se)
            key = content_key("power", analysis.digest, claim, seed, panels)
            steps.append(Step(f"power/{name}", key, partial(_power_step, analysis, claim, panels, seed)))
    return steps


def _evidence_step() -> dict[str, Any]:
    from bri_bayes.published.audit import audit_values
    from bri_bayes.published.reading import reading_values
    from bri_bayes.published.replication_values import replication_values

    return dict(json_safe({"audit": audit_values(), "reading": reading_values(), "replication": replication_values()}))


def _power_step(analysis: Analysis, claim: tuple[float, float], panels: int, seed: int) -> dict[str, Any]:
    from bri_bayes.engines.fitting import fit
    from bri_bayes.power import power_values

    result = fit(analysis, seed=seed, pointwise=False)
    return power_values(result, effect=claim[0], published_se=claim[1], panels=panels, seed=seed)


def _fit_step(analysis: Analysis, seed: int) -> dict[str, Any]:
    from bri_bayes.engines.fitting import fit, is_trustworthy

    result = fit(analysis, seed=seed, pointwise=False)
    return dict(json_safe({**fit_values(result), "trustworthy": is_trustworthy(result)}))


def _frequentist_step(analysis: Analysis) -> dict[str, Any]:
    from bri_bayes.frequentist import frequentist_rows
    from bri_bayes.frequentist.twfe import event_study

    rows = [row.as_dict() for row in frequentist_rows(analysis.design)]
    try:
        study = event_study(analysis.design)
    except InputError as error:
        return dict(json_safe({"rows": rows, "event_study": [], "notes": [f"No frequentist event study: {error}."]}))
    path = study.path.rename(columns={"lower_cluster": "lower", "upper_cluster": "upper"}).reset_index()
    notes = [] if study.note is None else [study.note]
    return dict(json_safe({"rows": rows, "event_study": path.to_dict("records"), "notes": notes}))


def _study_values(
    study: Study, data: Panel, cards: Mapping[str, ModelCard], values: Mapping[str, Any]
) -> dict[str, Any]:
    outcomes = {}
    plain = None
    for name, outcome in study.outcomes.items():
        plain = Analysis(data, study.assignment, ModelCard(name="rows", title="rows", outcome=name))
        frequentist = values[f"{name}/frequentist"]
        fits = {card: values[f"{name}/{card}"] for card in cards if f"{name}/{card}" in values}
        truth = data.attrs.get("truth", {}).get("att", {}).get(outcome.column)
        outcomes[name] = {
            "label": outcome.label or name,
            "units": outcome.units,
            "transform": outcome.transform,
            "published": dataclasses.asdict(outcome.published) if outcome.published else None,
            "treated": list(study.assignment.treated_units),
            "onset": min(study.assignment.onsets),
            "main": next(iter(fits), None),
            "models": fits,
            "frequentist": frequentist["rows"],
            "event_study": frequentist["event_study"],
            "warnings": [*warnings_of(plain), *frequentist["notes"]],
            "truth": None if truth is None else {"att": truth},
            "power": values.get(f"power/{name}"),
        }
    if plain is None:
        raise InputError(f'the study "{study.name}" has no outcome')
    return {
        "study": {"name": study.name, "title": study.title},
        "unit_names": {unit: study.name_of(unit) for unit in study.assignment.units},
        "panel": panel_values(data, plain.design),
        "outcomes": outcomes,
        "paper": values.get("paper/evidence"),
    }


def _render(folder: Path, values: dict[str, Any]) -> Path:
    """Figures, tables and report; skipped when they were made from the same values by the same code."""
    stamp = folder / "figures" / "made_from.json"
    made_from = {"values": digest(values), "code": code_digest()}
    target = folder / "report.html"
    try:
        if target.is_file() and json.loads(stamp.read_text(encoding="utf-8")) == made_from:
            return target
    except (OSError, ValueError):
        pass
    from bri_bayes.figures import draw_all
    from bri_bayes.report import render_report
    from bri_bayes.table_files import write_tables

    stamp.unlink(missing_ok=True)
    figures = draw_all(values, folder / "figures")
    write_tables(values, folder / "tables")
    render_report(values, figures, target)
    write_json(stamp, made_from)
    return target


def _failed_gates(values: Mapping[str, Any]) -> list[str]:
    return [
        f"{outcome}/{card}: the sampler's diagnostics do not pass"
        for outcome, content in values["outcomes"].items()
        for card, fit in content["models"].items()
        if not fit["trustworthy"]
    ]


def _write_manifest(
    folder: Path, study: Study, panel: Path | None, *, seed: int, quick: bool, seconds: Mapping[str, float]
) -> None:
    from importlib.metadata import version

    packages = ("numpy", "pandas", "pymc", "scipy", "xarray")
    write_json(
        folder / "manifest.json",
        {
            "study": study.name,
            "panel": None if panel is None else {"file": panel.name, "sha256_16": digest(panel.read_bytes())},
            "seed": seed,
            "quick": quick,
            "bri_bayes": bri_bayes.__version__,
            "code": code_digest(),
            "packages": {name: version(name) for name in packages},
            "seconds": dict(seconds),
        },
    )
