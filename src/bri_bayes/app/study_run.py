"""The whole study in one command: load, fit, estimate, draw, report. Unchanged steps come from the cache."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bri_bayes
from bri_bayes.app.examined_card import answer_first
from bri_bayes.app.report_forms import Form, parts_of, table_as, written_as
from bri_bayes.app.study_key import study_key
from bri_bayes.app.study_outline import named, study_card, unanswered
from bri_bayes.app.study_size import refuse_too_much
from bri_bayes.core.errors import InputError
from bri_bayes.core.io import digest, replaced_together, write_json
from bri_bayes.core.json_values import json_safe
from bri_bayes.core.resources import shipped
from bri_bayes.data.comparable import blame, covariate_costs
from bri_bayes.data.panel import Panel
from bri_bayes.estimands.summaries import comparison_notes, panel_values, warnings_of
from bri_bayes.presentation.gates import failed_gates
from bri_bayes.presentation.names_shown import gate_in_words
from bri_bayes.presentation.period_words import writer
from bri_bayes.report.main_answer import ANSWER, PAPER, main_steps, paper_steps, rows_of
from bri_bayes.report.sections import load_sections, section_names
from bri_bayes.report.sections.section import Context, collected
from bri_bayes.report.values_schema import breaches
from bri_bayes.runtime.cache import Cache, code_digest, versions
from bri_bayes.runtime.steps import Finished, run_steps
from bri_bayes.study.model_card import ModelCard, card_path
from bri_bayes.study.study_file import Study, load_study

# What a run writes; its folder may hold more.
REPORT, STAMP = "report.html", "figures/made_from.json"
# What takes longest, and has a command of its own; categories are there of a file that is given.
NOT_QUICK = ("categories", "speccurve", "prior", "propensity")
OUTPUTS = ("values.json", "figures", "tables", REPORT, "one_page.html", "appendix.html", "manifest.json")


@dataclass(frozen=True)
class Run:
    """What a run left behind: the report, and a sentence for each computation that does not pass its diagnostics."""

    path: Path
    failed_gates: tuple[str, ...]


def run_study(
    study_path: Path | None,
    *,
    panel: Path | None = None,
    categories: Path | None = None,
    quick: bool = False,
    jobs: int = 1,
    dask: str | None = None,
    out: Path | None = None,
    png: bool = False,
    seed: int = 0,
    cache: Cache | None = None,
) -> Run:
    """Everything, to ``out`` (default reports/STUDY): values.json, figures, tables, report.html, manifest.json.

    ``dask`` : the scheduler of a cluster that does the steps; ``jobs`` : processes here, for figures in any case.
    ``png`` : write each figure as PNG, too.
    """
    study = load_study(study_path, panel=panel)
    if categories is not None:
        study = study.with_categories(categories)
    if quick:
        gone = set(NOT_QUICK) - ({"categories"} if categories is not None else set())
        study = dataclasses.replace(study, sections=tuple(name for name in study.sections if name not in gone))
    cards = {name: study.adjusted(study_card(name, study_path, quick=quick)) for name in study.models}
    complete, seconds = study_values(
        study, cards, seed=seed, quick=quick, brief=quick, jobs=jobs, dask=dask, cache=cache
    )
    manifest = _manifest(study, panel, seed=seed, quick=quick, seconds=seconds)
    manifest |= {"panel_kind": complete["panel"]["kind"], "values": digest(complete)}
    path = _write(out or default_out(study), complete, manifest, png=png, jobs=jobs)
    write = writer(complete)
    return Run(path, tuple(write(gate_in_words(complete, sentence)) for sentence in complete["failed_gates"]))


def study_values(
    study: Study,
    cards: Mapping[str, ModelCard],
    *,
    seed: int = 0,
    quick: bool = False,
    brief: bool = False,
    jobs: int = 1,
    dask: str | None = None,
    cache: Cache | None = None,
) -> tuple[dict[str, Any], Mapping[str, float]]:
    """What values.json of a study says under these cards, that of the checks first, and the seconds of each step.

    ``quick`` : fewer draws and refits; ``brief`` : without what takes longest and has a command of its own.
    """
    data = study.load()
    context = Context(study, data, cards, seed=seed, quick=quick, brief=brief)
    sections = load_sections(study.sections)
    answers = answer_first(context)
    steps = main_steps(study, data, answers, seed, quick=quick)
    if study.audit:
        steps += paper_steps(study, data, cards, seed, quick=quick, brief=brief)
    steps += [step for section in sections for step in section.steps(context)]
    refuse_too_much(context)
    cache = cache or Cache()
    key = study_key(study, answers, steps, str(data.attrs), seed=seed, quick=quick)
    if (known := cache.read_json(key)) is not None:
        return known, dict.fromkeys((step.label for step in steps), 0.0)
    try:
        finished = run_steps(steps, cache, jobs=jobs, dask=dask)
    except InputError as error:
        costs = [note for outcome in study.outcomes for note in covariate_costs(data, outcome, study.adjust)]
        raise InputError(f"{error}{blame(costs)}") from error
    complete = json_safe(_study_values(study, data, answers, finished))
    answered = dataclasses.replace(context, done={"outcomes": complete["outcomes"]})
    complete |= collected(answered, sections, finished)
    complete |= {"quick": quick, "failed_gates": failed_gates(complete)}
    complete["failed_gates"] += breaches(complete)
    cache.write_json(key, complete)
    return complete, finished.seconds


def render_again(
    study_path: Path | None,
    *,
    out: Path | None = None,
    form: Form = "html",
    language: str = "en",
    table: str | None = None,
    png: bool = False,
    jobs: int = 1,
) -> Path:
    """Figures, tables and pages from the values.json of the last run of the study, which must be as it was written.

    ``study_path`` : the study, or the folder of a run. ``table`` : that one alone, in ``form``, beside its CSV.
    ``form`` : "docx" writes the main page as a Word file beside them, "pdf" the pages on paper, by Chromium.
    ``language`` : of a main page beside the English one; ``png`` : write each figure as PNG, too; ``jobs`` : processes
    that draw.
    """
    folder = out or (study_path if _is_of_a_run(study_path) else None) or default_out(load_study(study_path))
    try:
        values, manifest = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in ("values.json", "manifest.json")
        )
        values["outcomes"], values["panel"]["kind"], manifest["values"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{folder}: no values of an earlier run can be read here; start with bri-bayes run") from error
    if manifest["values"] != digest(values):
        raise InputError(f"{folder}: values.json is not as the run of manifest.json wrote it; start with bri-bayes run")
    if other := breaches(values):
        raise InputError(
            f"{folder}: values.json was written by another version and lacks what this one shows ({len(other)} places, "
            f"the first is {other[0].removeprefix('values.json, ')}); start with bri-bayes run"
        )
    page = _write(folder, values, manifest, png=png, jobs=jobs)
    if table is not None:
        return table_as(form, table, values, page)
    return page if (form, language) == ("html", "en") else written_as(form, language, values, page)


def _is_of_a_run(path: Path | None) -> bool:
    """Whether a run wrote its report into this folder."""
    return path is not None and all((path / name).is_file() for name in ("values.json", "manifest.json"))


def init_study(folder: Path) -> Path:
    """A new folder with the shipped study and its cards; refuses a folder that has something in it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: is not empty; init makes a new folder")
    (folder / "models").mkdir(parents=True)
    text = (shipped("data") / "study.toml").read_text(encoding="utf-8")
    # Without the name of the shipped one it has that of its folder, and a report of its own.
    (folder / "study.toml").write_text(text.replace('name = "study"\n', "", 1), encoding="utf-8")
    for name in load_study(None).models:
        shutil.copyfile(card_path(name), folder / "models" / f"{name}.toml")
    return folder / "study.toml"


def default_out(study: Study) -> Path:
    """reports/NAME below the folder where the command was started."""
    return Path("reports") / study.name


def _study_values(study: Study, data: Panel, cards: Mapping[str, ModelCard], finished: Finished) -> dict[str, Any]:
    answers, paper = finished.of(ANSWER), finished.of(PAPER)
    outcomes = {}
    plain = None
    for name, outcome in study.outcomes.items():
        plain = rows_of(study, data, name)
        frequentist = answers["frequentist", name]
        fits = {at[2]: result for at, result in answers.items() if at[:2] == ("fit", name)}
        truth = data.attrs.get("truth", {}).get("att", {}).get(outcome.column)
        outcomes[name] = dataclasses.replace(
            unanswered(study, name),
            main=next(iter(fits), None),
            models=fits,
            frequentist=frequentist["rows"],
            event_study=frequentist["event_study"],
            warnings=[*warnings_of(plain), *comparison_notes(plain), *frequentist["notes"]],
            truth=None if truth is None else {"att": truth},
            power=paper.get(("power", name)),
            first=answers.get(("first", name)),
        )
    if plain is None:
        raise InputError(f'the study "{study.name}" has no outcome')
    return {
        **named(study, cards),
        "panel": panel_values(data, plain.design),
        "outcomes": outcomes,
        "paper": paper.get(("evidence",)),
    }


def _write(folder: Path, values: dict[str, Any], manifest: dict[str, Any], *, png: bool, jobs: int) -> Path:
    """Everything that a run leaves, whole or not at all; drawn again only if values, code or forms have changed.

    A PNG that nobody asked for stays until its figure is drawn again.
    """
    made_from = {"values": digest(values), "code": code_digest(), "png": png}
    if _made_from(folder) in (made_from, made_from | {"png": True}):
        write_json(folder / "manifest.json", manifest)
        return folder / REPORT
    from bri_bayes.report.figures import draw_all
    from bri_bayes.report.render import render_report
    from bri_bayes.report.table_files import write_tables

    with replaced_together(folder, OUTPUTS) as building, ThreadPoolExecutor(1) as beside:
        write_json(building / "values.json", values)
        sections = load_sections(name for name in section_names() if values.get(name))
        of_sections = [spec for section in sections for spec in section.tables]
        # While other processes draw.
        written = beside.submit(write_tables, values, building / "tables", of_sections)
        figures = draw_all(values, building / "figures", png=png, jobs=jobs)
        render_report(values, figures, building / REPORT, parts_of(values), tables=written.result())
        write_json(building / STAMP, made_from)
        write_json(building / "manifest.json", manifest)
    return folder / REPORT


def _made_from(folder: Path) -> Any:
    """What the report in ``folder`` was made from; None if there is none."""
    try:
        return json.loads((folder / STAMP).read_text(encoding="utf-8")) if (folder / REPORT).is_file() else None
    except (OSError, ValueError):
        return None


def _manifest(
    study: Study, panel: Path | None, *, seed: int, quick: bool, seconds: Mapping[str, float]
) -> dict[str, Any]:
    return {
        "study": study.name,
        "panel": None if panel is None else {"file": panel.name, "sha256_16": digest(panel.read_bytes())},
        "seed": seed,
        "quick": quick,
        "bri_bayes": bri_bayes.__version__,
        "code": code_digest(),
        "versions": versions(),
        "seconds": dict(seconds),
    }
