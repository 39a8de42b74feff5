"""The sections about the paper's tables: what stands in values.json stands on the page and in the tables."""

import json
from unittest.mock import patch

import pytest

from bri_bayes.app.study_run import load_study
from bri_bayes.paper import consistency_values
from bri_bayes.presentation.page_parts import Heading, Paragraph, Picture, Shown
from bri_bayes.presentation.table_spec import Column, TableSpec
from bri_bayes.report.sections import load_section
from bri_bayes.report.sections.section import Context
from bri_bayes.report.table_files import write_tables


@pytest.fixture(scope="module", params=["replication", "consistency"])
def section(request):
    return load_section(request.param)


@pytest.fixture(scope="module")
def values(section, paper_entries):
    study = load_study()
    context = Context(study, study.load(), {})
    steps = section.steps(context)
    assert [(step.owner, step.parts) for step in steps] == [(section.name, ())]
    # Linear programs of ten seconds, which the command on consistency is asked about, too.
    with patch.object(consistency_values, "paper_consistency", lambda: paper_entries):
        results = {step.parts: json.loads(json.dumps(step.call(), allow_nan=False)) for step in steps}
    return {section.name: section.collect(context, results).as_dict()}


def test_every_table_has_rows_and_says_what_it_is_made_from(section, values):
    made_from = {"replication": {"reconstruction"}, "consistency": {"published"}}[section.name]
    for spec in section.tables:
        frame = spec.frame(values)
        assert spec.name.startswith(section.name)
        assert not frame.empty, spec.name
        assert set(frame["panel"]) == made_from
        assert ("not observations" in spec.fill(values).alarm) == (section.name == "replication")


def test_the_page_counts_what_its_tables_show(section, values):
    parts = section.parts(values)
    text = " ".join(part.text for part in parts if isinstance(part, Paragraph))
    if section.name == "consistency":
        assert "4 of 10 sets of tables cannot come from one data set: Tables 3 and 4;" in text
        verdicts = next(part.table for part in parts if isinstance(part, Shown))
        assert [row["said"] for row in verdicts.rows].count("CANNOT") == 4
        return
    assert parts[0].strong
    assert "not observations" in parts[0].text
    assert (
        "130 of 130 coefficients of Tables 3 to 8 come back at the printed digits, 30 of 30 numbers of Table 1" in text
    )
    assert "6 of 6 coefficients lie in the range that the paper quotes. They do by construction" in text
    tables = {part.table.caption: part.table for part in parts if isinstance(part, Shown)}
    assert {f"Table {number}" for number in range(1, 9)} < set(tables)
    marks = [row["agrees"] for row in tables["Table 2"].rows]
    assert f"{marks.count(True)} of {len(marks)} of Table 2" in text
    pictures = [part.figure for part in parts if isinstance(part, Picture)]
    assert pictures == ["category_levels", "category_growth", "published_event_study", "fake_groups"]
    assert sum(isinstance(part, Heading) for part in parts) == 6


def test_a_table_file_of_the_paper_names_no_source_of_the_study_s_panel(section, values, tmp_path):
    panel = {"kind": "official", "label": "Official trade", "sources": ["A statistical office"], "units": ["KAZ"]}
    study = {"outcomes": {}, "panel": panel, "unit_names": {}, **values}
    of_the_panel = TableSpec("of_the_panel", "Rows", (Column("n", "rows", "count"),), lambda values: [{"n": 1}])
    write_tables(study, tmp_path, [*section.tables, of_the_panel])
    assert "A statistical office" in (tmp_path / "of_the_panel.tex").read_text(encoding="utf-8")
    names = {f"{spec.name}.tex" for spec in section.tables}
    written = [path for path in tmp_path.glob("*.tex") if path.name in names]
    assert written
    for path in written:
        assert "A statistical office" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("section", ["consistency"], indirect=True)
def test_a_conflict_shows_its_certificate_with_the_bounds_of_rounding(section, values):
    folded = next(part for part in section.parts(values) if isinstance(part, Shown) and part.folded)
    row = folded.table.rows[0]
    assert (row["name"], row["variable"]) == ("Tables 3 and 4", "lnppl")
    assert row["lower"] < row["weight"] < row["upper"]
