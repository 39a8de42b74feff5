"""Does a section that is asked for alone speak as the report does, in 80 columns and without the names of files?"""

import re

import pytest

from bri_bayes.app.section_answer import SectionAnswer, section_answer
from bri_bayes.core.names import SECTIONS
from bri_bayes.report.briefs import PLANS
from bri_bayes.report.sections import load_section
from bri_bayes.runtime.cache import Cache
from bri_bayes.study.study_file import load_study
from quick_run import STUDY

# What only a file calls a thing: words joined by a line, logarithms, an estimator with its inference.
NAMES = r"\w*[^\W_]{2}_[^\W_]{2}\w*|\bln[a-z]{3,}|\b[a-z]+/(?:iid|cluster|t|posterior)\b"


@pytest.fixture(scope="module")
def answers(quick_run, tmp_path_factory):
    """Each section of the quick run as its command has it: without the rest of the study."""
    path = tmp_path_factory.mktemp("study") / "study.toml"
    path.write_text(STUDY, encoding="utf-8")
    study = load_study(path)
    return {
        name: SectionAnswer(name, {"panel": quick_run["panel"], **quick_run[name]}, study)
        for name in SECTIONS
        if quick_run.get(name)
    }


def test_every_section_speaks_first_then_shows_tables_in_80_columns_and_names_no_file_s_word(answers):
    assert len(answers) >= 15
    for name, answer in answers.items():
        text = answer.text()
        assert max(map(len, text.splitlines())) <= 80, name
        alarm, said, *_, made_from = text.split("\n\n")
        assert alarm == "SIMULATED PANEL - not observations"
        assert said.rstrip().endswith("."), name
        assert "---" not in said, name
        assert made_from.startswith("SIMULATED PANEL"), name
        # What the numbers are made from names its generator, to be run again.
        assert re.findall(NAMES, text.removesuffix(made_from)) == [], name


def test_the_tables_of_a_section_all_stand_below_its_sentences(answers):
    answer = answers["placebo"]
    words, values = " ".join(answer.text().split()), {**answer.values, "placebo": answer.values}
    captions = [table.caption for spec in load_section("placebo").tables if (table := spec.fill(values)).rows]
    assert len(captions) > 3
    first = words.index(PLANS["placebo"].answer(values)[0])
    assert all(words.index(caption) > first for caption in captions)


def test_what_failed_is_said_with_the_names_of_the_report(answers):
    panel, study = answers["compare"].values["panel"], answers["compare"].study
    broken = SectionAnswer("compare", {"panel": panel, "failed_gates": ["compare/lnexport/did_trend: R-hat"]}, study)
    assert broken.failed() == ["compare, Exports, DID, a trend for each unit: R-hat"]


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ('["did"]', "The study's answer comes from another model, DID, shared shocks (average effect"),
        ('["did_iid"]', "This examines the model of the study's answer, DID, independent errors (average effect"),
    ],
)
def test_a_section_names_its_model_and_the_answer_s_where_that_is_another(tmp_path, models, said):
    path = tmp_path / "study.toml"
    lines = [f"models = {models}" if line.startswith("models") else line for line in STUDY.splitlines()]
    path.write_text("\n".join(lines), encoding="utf-8")
    answer = section_answer("controls", path, quick=True, cache=Cache(tmp_path), options={"kind": "contaminated"})
    words = " ".join(answer.text().split())
    assert said in words
    effect = answer.values["outcomes"]["lnexport"]["main"]["att"]["mean"]
    assert f"Exports {effect:+.2f}," in words.split("The study's")[0].replace("−", "-")
