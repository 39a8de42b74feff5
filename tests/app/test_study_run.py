"""A whole study: what is written, what is cached, what happens when it is stopped."""

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bri_bayes.app import study_run
from bri_bayes.app.section_answer import section_answer
from bri_bayes.app.study_run import init_study, render_again, run_study
from bri_bayes.core.errors import InputError
from bri_bayes.core.io import digest

STUDY = """
title = "A small study"
models = ["did"]

[panel]
kind = "simulation"
generator = "simulated_nine_countries"
periods = [2006, 2018]

[assignment]
treated = ["KAZ", "UZB"]
controls = ["MNG", "BLR", "SRB"]
onset = 2013

[outcomes.lnexport]
column = "export_musd"
transform = "log"
label = "Exports"
units = "million US dollars"
level_to_usd = 1e6
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Of all runs of the study here: what the first has computed, the others draw and write."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def study(tmp_path, monkeypatch, cache):
    monkeypatch.setenv("BRI_BAYES_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.toml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def finished(cache, tmp_path_factory):
    """The folder of a run of the study, to be copied."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "small.toml").write_text(STUDY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as here:
        here.setenv("BRI_BAYES_CACHE", str(cache))
        here.chdir(folder)
        run_study(folder / "small.toml", quick=True)
    return folder / "reports" / "small"


@pytest.fixture
def folder(study, finished, tmp_path):
    """What an earlier run of the study has left."""
    return Path(shutil.copytree(finished, tmp_path / "reports" / "small"))


def contents(folder):
    skipped = {"manifest.json"}  # has the time spent
    return {
        str(path.relative_to(folder)): digest(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in skipped
    }


def test_a_run_writes_values_figures_tables_and_report_and_a_second_changes_nothing(study, tmp_path, capsys, within):
    run = run_study(study, quick=True)
    folder = tmp_path / "reports" / "small"
    assert run.path == run_path(folder)
    assert run.failed_gates == ()
    values = json.loads((folder / "values.json").read_text(encoding="utf-8"))
    assert values["panel"]["kind"] == "simulation"
    assert set(values["outcomes"]["lnexport"]["models"]["did"]["by_unit"]) == {"KAZ", "UZB"}
    first = contents(folder)
    capsys.readouterr()
    with within(5):
        run_study(study, quick=True)
    assert contents(folder) == first
    assert capsys.readouterr().err == ""  # no step was done again
    seconds = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["seconds"]
    assert set(seconds.values()) == {0.0}


def run_path(folder):
    return (folder / "report.html").relative_to(folder.parents[1])


def test_every_table_and_figure_of_a_simulation_says_so(folder):
    made = [
        path for pattern in ("figures/*.svg", "tables/*", "values.json", "report.html") for path in folder.glob(pattern)
    ]
    assert len(made) > 10
    for path in made:
        assert "simulat" in path.read_text(encoding="utf-8").lower(), path.name


def test_the_report_can_be_rendered_again_and_needs_an_earlier_run(study, folder):
    values = (folder / "values.json").rename(folder / "taken away")
    with pytest.raises(InputError, match="no values of an earlier run"):
        render_again(study)
    values.rename(folder / "values.json")
    report = folder / "report.html"
    before = report.read_bytes()
    report.unlink()
    render_again(study)
    assert report.read_bytes() == before


def test_a_quick_run_leaves_out_the_categories_unless_their_file_is_given(tmp_path, monkeypatch):
    class AskedError(Exception):
        pass

    def asked(study, *_, **__):
        raise AskedError(",".join(study.sections))

    monkeypatch.setattr(study_run, "study_values", asked)
    csv = tmp_path / "mine.csv"
    csv.write_text("country,year,category,trade\n")
    for quick, given, has in ((False, None, True), (True, None, False), (True, csv, True)):
        with pytest.raises(AskedError) as told:
            run_study(None, quick=quick, categories=given)
        sections = str(told.value).split(",")
        assert ("categories" in sections) is has
        assert {"speccurve", "prior", "propensity"}.isdisjoint(sections) is quick


def test_values_of_another_version_are_refused_and_say_what_they_lack(study, folder):
    values, manifest = (json.loads((folder / f"{name}.json").read_text()) for name in ("values", "manifest"))
    del values["outcomes"]["lnexport"]["first"]["groups"]
    (folder / "values.json").write_text(json.dumps(values))
    (folder / "manifest.json").write_text(json.dumps(manifest | {"values": digest(values)}))
    before = (folder / "report.html").read_bytes()
    with pytest.raises(InputError, match=r"another version .*lnexport\.first\.groups: Field required.*bri-bayes run"):
        render_again(study)
    assert (folder / "report.html").read_bytes() == before


def test_the_folder_of_a_run_is_rendered_again_wherever_it_lies_and_a_table_alone_is_a_file(folder, tmp_path):
    moved = folder.rename(tmp_path / "kept")
    before = (moved / "report.html").read_bytes()
    (moved / "report.html").unlink()
    assert render_again(moved) == moved / "report.html"
    assert (moved / "report.html").read_bytes() == before
    assert not folder.exists()
    written = render_again(moved, form="docx", table="headline")
    assert written == moved / "tables" / "headline.docx"
    with zipfile.ZipFile(written) as archive:
        document = archive.read("word/document.xml").decode()
    assert document.count("<w:tbl>") == 1
    assert "SIMULAT" in document
    html = render_again(moved, form="html", table="headline").read_text(encoding="utf-8")
    assert html.count("<table>") == 1
    assert "clustered" in html
    with pytest.raises(InputError, match='no table "headlin"; did you mean "headline"'):
        render_again(moved, table="headlin")
    with pytest.raises(InputError, match="--format docx or html"):
        render_again(moved, form="pdf", table="headline")


def test_png_is_written_where_it_is_asked_for_and_the_page_links_to_the_files_that_are_there(study, tmp_path):
    def pngs():
        html = (folder / "appendix.html").read_text(encoding="utf-8")
        linked = {Path(target).stem for target in re.findall(r'href="(figures/\w+\.png)"', html)}
        assert linked == {path.stem for path in (folder / "figures").glob("*.png")}
        return linked

    folder = tmp_path / "reports" / "small"
    run_study(study, quick=True)
    assert pngs() == set()
    without = contents(folder)
    render_again(study, png=True)
    assert pngs() == {path.stem for path in (folder / "figures").glob("*.svg")}
    with_them = contents(folder)
    run_study(study, quick=True)  # nothing has changed, so nothing is drawn again and no file taken away
    assert contents(folder) == with_them
    (folder / "report.html").unlink()
    render_again(study)
    assert pngs() == set()
    assert contents(folder) == without


def test_processes_give_the_same_values_as_one(study, tmp_path):
    run_study(study, quick=True, out=tmp_path / "one")
    os.environ["BRI_BAYES_CACHE"] = str(tmp_path / "cache of two")
    run_study(study, quick=True, out=tmp_path / "two", jobs=2)
    serial, two = (json.loads((tmp_path / name / "values.json").read_text(encoding="utf-8")) for name in ("one", "two"))
    assert serial == two
    for path in sorted((tmp_path / "one").rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path.name


def test_a_run_with_fewer_sections_leaves_no_table_of_an_earlier_one_and_keeps_what_is_not_its_own(study, folder):
    (folder / "tables" / "old.csv").write_text("old", encoding="utf-8")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    study.write_text(study.read_text(encoding="utf-8").replace('title = "', 'title = "Another '), encoding="utf-8")
    run_study(study, quick=True)
    assert not (folder / "tables" / "old.csv").exists()
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["small"]


def test_a_run_that_cannot_be_written_leaves_the_earlier_one_whole(study, folder, monkeypatch):
    before = contents(folder)
    study.write_text(study.read_text(encoding="utf-8").replace('title = "', 'title = "Another '), encoding="utf-8")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "tables")

    monkeypatch.setattr("bri_bayes.report.table_files.write_tables", full)
    with pytest.raises(OSError, match="No space left"):
        run_study(study, quick=True)
    assert contents(folder) == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["small"]


@pytest.mark.parametrize("content", ["{}", "[]", "1", "{", '{"outcomes": {}, "panel": []}'])
def test_values_of_something_else_are_no_earlier_run(study, tmp_path, content):
    folder = tmp_path / "reports" / "small"
    folder.mkdir(parents=True)
    for name in ("values.json", "manifest.json"):
        (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="no values of an earlier run"):
        render_again(study)


def test_an_outcome_may_have_the_name_of_a_section(study, tmp_path):
    text = study.read_text(encoding="utf-8").replace("lnexport", "joint")
    text = text.replace('models = ["did"]', 'models = ["did"]\nsections = ["joint"]')
    second = '\n[outcomes.lnimport]\ncolumn = "import_musd"\ntransform = "log"\nlabel = "Imports"\n'
    study.write_text(text + second, encoding="utf-8")
    run_study(study, quick=True)
    values = json.loads((tmp_path / "reports" / "small" / "values.json").read_text(encoding="utf-8"))
    assert list(values["outcomes"]) == ["joint", "lnimport"]
    assert list(values["joint"]["outcomes"]) == ["joint+lnimport"]
    assert values["joint"]["outcomes"]["joint+lnimport"]["labels"] == ["Exports", "Imports"]


def test_init_makes_a_study_that_runs_and_refuses_a_folder_with_content(study, tmp_path):
    made = init_study(tmp_path / "mine")
    assert made.is_file()
    assert (tmp_path / "mine" / "models" / "did.toml").is_file()
    with pytest.raises(InputError, match="is not empty"):
        init_study(tmp_path / "mine")


def test_an_interrupted_run_says_one_sentence_leaves_nothing_half_written_and_goes_on(study, tmp_path):
    environment = {**os.environ, "BRI_BAYES_CACHE": str(tmp_path / "slow cache")}
    command = [sys.executable, "-m", "bri_bayes.cli", "run", "--jobs", "1", str(study)]
    slow = study.read_text(encoding="utf-8").replace('models = ["did"]', 'models = ["did", "gamma_log"]')
    study.write_text(slow, encoding="utf-8")
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert first.startswith("[1/5] answer/fit/lnexport/did")
    assert process.returncode == 130
    assert "goes on from what it had finished" in err
    assert "Traceback" not in err
    assert not (tmp_path / "reports").exists()
    assert len(list((tmp_path / "slow cache").rglob("*.json"))) >= 1
    assert not list((tmp_path / "slow cache").rglob(".*.json*"))


@pytest.mark.parametrize("name", ["joint", "moderation", "mechanism"])
def test_a_section_that_the_study_gives_nothing_to_ask_says_what_it_needs(study, name):
    with pytest.raises(InputError, match=f'the study "small" gives nothing to ask for here: {name} needs'):
        section_answer(name, study, quick=True)


def test_values_that_were_changed_after_the_run_make_no_report(study, folder):
    path = folder / "values.json"
    path.write_text(path.read_text(encoding="utf-8").replace("0.1", "0.2", 1), encoding="utf-8")
    before = contents(path.parent)
    with pytest.raises(InputError, match="is not as the run of"):
        render_again(study)
    assert contents(path.parent) == before


def test_a_brief_run_leaves_out_what_takes_longest_and_nothing_else():
    from bri_bayes.app.study_outline import study_card
    from bri_bayes.report.main_answer import paper_steps
    from bri_bayes.report.sections import load_sections
    from bri_bayes.report.sections.section import Context
    from bri_bayes.study.study_file import load_study

    study = load_study(None)
    cards = {name: study_card(name, None, quick=True) for name in study.models}
    data = study.load()

    def labels(*, brief: bool) -> set[str]:
        context = Context(study, data, cards, quick=True, brief=brief)
        sections = load_sections(("mechanism", "moderation", "controls"))
        steps = [step for section in sections for step in section.steps(context)]
        return {step.label for step in steps + paper_steps(study, data, cards, 0, quick=True, brief=brief)}

    gone = labels(brief=False) - labels(brief=True)
    assert labels(brief=True) < labels(brief=False)
    kinds = {"/".join(label.split("/")[:2]) for label in gone if not label.startswith("controls")}
    assert kinds == {"mechanism/paper", "moderation/paper", "paper/power"}
    assert {label for label in gone if label.startswith("controls")} == {
        f"controls/{outcome}/{kind}" for outcome in study.outcomes for kind in ("synthetic", "factor")
    }
