"""The command line as a user meets it: results on stdout, one sentence on stderr, exit statuses."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from bri_bayes.core.resources import shipped

from ..inference.panels import make_panel

REQUIRED = ["--outcome", "y", "--unit", "unit", "--period", "period"]
QUESTION = [*REQUIRED, "--treated", "U0,U1,U2", "--onset", "2006"]
ATT = {"mean", "sd", "lower", "upper", "p_positive"}
ROWS = {
    ("twfe", "iid"),
    ("twfe", "cluster"),
    ("twfe", "cluster_crv3"),
    ("twfe", "wild_cluster_bootstrap"),
    ("twfe", "permutation"),
    ("collapsed", "t"),
    ("imputation", "wild_cluster_bootstrap"),
}


@pytest.fixture
def frame():
    panel, _ = make_panel()
    return panel[["y", "x"]].to_dataframe().reset_index()


@pytest.fixture
def csv(frame, tmp_path):
    path = tmp_path / "panel.csv"
    frame.to_csv(path, index=False)
    return path


def test_estimate_prints_the_agreed_json(call, csv):
    status, out, err = call("estimate", csv, *QUESTION, "--covariates", "x", "--json")
    values = json.loads(out)
    assert (status, err) == (0, "")
    assert set(values["bayes"]["att"]) == ATT
    assert set(values["bayes"]["by_unit"]) == {"U0", "U1", "U2"}
    assert set(values["bayes"]["by_event_time"]) == {"0", "1", "2", "3"}
    assert {(row["estimator"], row["inference"]) for row in values["frequentist"]} == ROWS
    assert values["panel"]["kind"] == "user"
    assert values["bayes"]["khat"] < 0.7
    assert values["bayes"]["rhat"] < 1.01


def test_estimate_reads_onsets_from_a_treatment_column(call, frame, tmp_path):
    _, by_names, _ = call("estimate", write(frame, tmp_path), *QUESTION, "--json")
    frame["policy"] = (frame["unit"].isin(["U0", "U1", "U2"]) & (frame["period"] >= 2006)).astype(int)
    status, by_column, _ = call("estimate", write(frame, tmp_path), *REQUIRED, "--treatment", "policy", "--json")
    assert status == 0
    assert json.loads(by_column)["bayes"] == json.loads(by_names)["bayes"]


def test_logs_are_taken_on_request_and_columns_of_other_units_do_not_matter(call, frame, tmp_path):
    frame["level"] = np.exp(frame["y"])
    zero = frame[frame["unit"] == "U5"].assign(unit="ZERO", level=0.0)
    path = write(pd.concat([frame, zero]), tmp_path)
    in_logs = ["--outcome", "log(level)", *QUESTION[2:], "--controls", "U3,U4,U5", "--json"]
    status, out, _ = call("estimate", path, *in_logs)
    _, plain, _ = call("estimate", write(frame, tmp_path), *QUESTION, "--json")
    assert status == 0
    first, second = (json.loads(text)["bayes"]["att"]["mean"] for text in (out, plain))
    assert first == pytest.approx(second, abs=1e-4)


def test_estimate_prints_a_table_for_people(call, csv):
    status, out, _ = call("estimate", csv, *QUESTION)
    assert status == 0
    for word in ("U0", "permutation", "P(>", "user"):
        assert word.lower() in out.lower()


def write(frame, folder, **options):
    path = folder / "written.csv"
    frame.to_csv(path, index=False, **options)
    return path


def missing_column(frame):
    return frame.drop(columns="y")


def duplicate_row(frame):
    return pd.concat([frame, frame.iloc[[3]]])


def constant_outcome(frame):
    return frame.assign(y=1.0)


def constant_covariate(frame):
    return frame.assign(x=2.0)


def infinite(frame):
    return frame.assign(y=frame["y"].where(frame.index != 4, np.inf))


def text_cell(frame):
    return frame.assign(y=frame["y"].astype(object).where(frame.index != 4, "n.k."))


def unchanged(frame):
    return frame


BAD = {
    "missing column": (missing_column, QUESTION, 'there is no column "y"'),
    "duplicate unit-year": (duplicate_row, QUESTION, "2003"),
    "constant outcome": (constant_outcome, QUESTION, 'the outcome "y" is constant'),
    "constant covariate": (constant_covariate, [*QUESTION, "--covariates", "x"], 'the covariate "x" is constant'),
    "infinity": (infinite, QUESTION, "inf"),
    "text in a number": (text_cell, QUESTION, "n.k."),
    "unknown treated unit": (unchanged, [*REQUIRED, "--treated", "U9", "--onset", "2006"], '"U9" is not'),
    "no controls": (
        unchanged,
        [*REQUIRED, "--treated", "U0,U1,U2,U3,U4,U5", "--onset", "2006"],
        "no controls to compare with",
    ),
    "onset before the panel": (unchanged, [*REQUIRED, "--treated", "U0", "--onset", "1990"], "1990"),
    "onset after the panel": (unchanged, [*REQUIRED, "--treated", "U0", "--onset", "2050"], "2050"),
    "log of a negative": (unchanged, ["--outcome", "log(y)", *QUESTION[2:]], "log"),
    "no treatment": (unchanged, REQUIRED, "say who was treated and when"),
    "both kinds of treatment": (unchanged, [*QUESTION, "--treatment", "x"], "not both"),
    "treatment not 0 or 1": (unchanged, [*REQUIRED, "--treatment", "x"], "only 0 and 1 are allowed"),
    "unknown errors": (unchanged, [*QUESTION, "--errors", "ma1"], "allowed: ar1, ar1_noise, iid, random_walk"),
    "unknown engine": (unchanged, [*QUESTION, "--engine", "gibbs"], "allowed: auto, marginal, nuts"),
    "unknown model": (unchanged, [*QUESTION, "--model", "dib"], 'did you mean "did"?'),
    "bad periods": (unchanged, [*QUESTION, "--periods", "recent"], "2003:2020"),
    "no rows in the periods": (unchanged, [*QUESTION, "--periods", "1900:1910"], "no period from 1900 to 1910"),
    "unknown option": (unchanged, [*QUESTION, "--colour", "red"], "--colour"),
}


@pytest.mark.parametrize(("spoil", "arguments", "words"), BAD.values(), ids=BAD.keys())
def test_bad_input_gets_one_sentence_and_status_2_and_touches_no_file(call, frame, tmp_path, spoil, arguments, words):
    path = write(spoil(frame), tmp_path)
    before = sorted(tmp_path.rglob("*"))
    status, out, err = call("estimate", path, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("bri-bayes: ")
    assert len(err.strip().splitlines()) == 1
    assert words in err
    assert "Traceback" not in err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"unit,period,y\nA,2000,1\nB,2000", "row 3"),
        ("unit,period,y\nÄ,2000,1\n".encode("latin-1"), "UTF-8"),
        (b"", "empty"),
    ],
    ids=["truncated", "wrong encoding", "empty"],
)
def test_a_damaged_file_gets_one_sentence(call, tmp_path, content, words):
    path = tmp_path / "damaged.csv"
    path.write_bytes(content)
    status, _, err = call("estimate", path, *QUESTION)
    assert status == 2
    assert words in err


def test_a_file_that_is_not_there_gets_one_sentence(call, tmp_path):
    status, _, err = call("estimate", tmp_path / "nowhere.csv", *QUESTION)
    assert status == 2
    assert "nowhere.csv" in err


def test_models_lists_and_describes_every_card(call):
    status, out, _ = call("models")
    names = [line.split()[0] for line in out.splitlines()]
    assert status == 0
    assert "did" in names
    for name in names:
        status, out, _ = call("models", name)
        assert status == 0
        assert "riors" in out


def test_audit_prints_its_findings_for_people_and_for_programs(call):
    status, out, _ = call("audit", "--json")
    findings = json.loads(out)
    assert status == 0
    assert all(
        set(published) == {"id", "severity", "claim", "finding", "cells", "computed", "panel"} for published in findings
    )
    assert "rows-and-countries" in {published["id"] for published in findings}
    status, text, _ = call("audit")
    assert status == 0
    assert text.startswith(f"{len(findings)} findings")


def test_audit_takes_the_tables_of_any_paper(call):
    status, out, _ = call("audit", shipped("data") / "tables_example.toml", "--json")
    assert status == 0
    assert "one-data-set" in {published["id"] for published in json.loads(out)}
    status, out, err = call("audit", "nowhere.toml")
    assert (status, out) == (2, "")
    assert "nowhere.toml: cannot be read" in err


def test_replicate_has_an_entry_for_every_published_coefficient_and_all_agree(call):
    status, out, _ = call("replicate", "--json")
    entries = json.loads(out)
    keys = {"table", "column", "variable", "published", "decimals", "reproduced", "agrees", "panel"}
    assert status == 0
    assert len(entries) == 130
    assert all(set(entry) == keys and entry["agrees"] for entry in entries)
    assert {entry["panel"] for entry in entries} == {"reconstruction"}
    assert {entry["table"] for entry in entries} == {3, 4, 5, 6, 7, 8}
    status, text, _ = call("replicate")
    assert status == 0
    assert "Panels: main " in text
    assert "not observations" in text


def test_replicate_gives_tables_1_and_2_on_request_and_names_a_table_that_is_not_there(call):
    status, out, err = call("replicate", "--tables", "1,2", "--json")
    entries = json.loads(out)
    assert {entry["table"] for entry in entries} == {1, 2}
    assert status == 1  # Table 2 has numbers that no panel gives back
    assert "not every published number is reproduced" in err
    assert call("replicate", "--tables", "1")[0] == 0
    status, out, err = call("replicate", "--tables", "9")
    assert (status, out) == (2, "")
    assert '--tables: there is no table "9"; allowed: 1, 2, 3' in err


def test_consistent_decides_about_a_file_of_regressions(call, tmp_path):
    path = tmp_path / "tables.toml"
    line = '[[regression]]\nname = "{}"\noutcome = "y"\ncoefficients = {{ x = "{}" }}\n'
    path.write_text(line.format("one", "0.50") + line.format("two", "0.52"), encoding="utf-8")
    status, out, err = call("consistent", path, "--json")
    (entry,) = json.loads(out)
    assert status == 1
    assert (entry["name"], entry["verdict"], entry["panel"]) == ("tables.toml", "conflict", "published")
    assert "no data set can give all of tables.toml" in err
    status, text, _ = call("consistent", path)
    assert status == 1
    assert text.startswith("tables.toml: NO data set can give all")
    path.write_text(line.format("one", "0.50"), encoding="utf-8")
    assert call("consistent", path)[0] == 0
    path.write_text('[[regression]]\nname = "one"\n', encoding="utf-8")
    status, out, err = call("consistent", path)
    assert (status, out) == (2, "")
    assert "tables.toml: [[regression]] number 1" in err


def test_a_reader_that_stops_reading_causes_no_traceback():
    command = f'"{sys.executable}" -m bri_bayes.cli models did | head -1'
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, env=os.environ, check=False)
    assert done.stderr == ""
