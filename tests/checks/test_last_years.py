"""Are samples that end earlier the same recipe with fewer years, and does the answer hear of them?"""

import dataclasses

import numpy as np
import pytest

from bri_bayes.app.own_study import study_from_file
from bri_bayes.checks.last_years import LATER, LEAST_TREATED, earlier_ends, later_ends
from bri_bayes.checks.refits import refit
from bri_bayes.checks.robustness import LAST_YEAR, robustness
from bri_bayes.core.effect import Effect
from bri_bayes.report.brief_sentences import robustness as said
from bri_bayes.report.sections.robustness import ENDS, steps
from bri_bayes.report.sections.section import Context
from bri_bayes.runtime import refit_steps
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import load_study
from tests.checks.panels import ONSET, TREATED, recipe

NOTHING = Effect(mean=0.02, sd=0.1, lower=-0.18, upper=0.22, p_positive=0.58)


def test_ends_are_the_last_years_but_the_studys_own_and_keep_enough_treated_years():
    analysis, _ = recipe()
    assert list(earlier_ends(analysis)) == ["2019", "2018", "2017"]
    few, _ = recipe(last=ONSET + LEAST_TREATED)
    assert list(earlier_ends(few)) == [str(ONSET + LEAST_TREATED - 1)]
    assert earlier_ends(recipe(last=ONSET + LEAST_TREATED - 1)[0]) == {}


def test_later_years_of_the_file_are_ends_where_both_groups_have_rows():
    analysis, panel = recipe()
    study = analysis.replace(panel=panel.sel(period=slice(2005, 2016)))
    assert list(later_ends(study, panel)) == [str(2016 + year) for year in range(1, LATER + 1)]
    assert later_ends(study, panel)["2018"].panel["period"].to_numpy().tolist() == list(range(2005, 2019))
    gone = panel["y"].where(~(panel["unit"].isin(list(TREATED)) & (panel["period"] > 2017)))
    lost = panel.assign(y=gone.transpose(*panel["y"].dims).assign_attrs(panel["y"].attrs))
    assert list(later_ends(study, lost)) == ["2017"]
    assert later_ends(analysis, panel) == {}


def test_a_study_of_a_part_of_its_file_has_the_years_after_it_in_robustness(tmp_path, monkeypatch):
    file = tmp_path / "p.csv"
    rows = [(unit, year) for unit in "ABCDEF" for year in range(2000, 2013)]
    lines = [f"{unit},{year},{ord(unit) * year % 17},{int(unit in 'AB' and year >= 2005)}" for unit, year in rows]
    file.write_text("\n".join(["unit,year,y,D", *lines]) + "\n", encoding="utf-8")
    written = study_from_file(tmp_path / "mine", file).path
    text = written.read_text(encoding="utf-8").replace("# periods = [2000, 2012]", "periods = [2000, 2010]")
    written.write_text(text, encoding="utf-8")
    study = load_study(written)
    context = Context(study, study.load(), {"did": load_card("did")})
    asked = {}
    monkeypatch.setattr(
        refit_steps, "refit_steps", lambda _, parts, recipes, seed: asked.update({parts: list(recipes)}) or []
    )
    steps(context)
    assert asked[ENDS, "y"] == ["2009", "2008", "2007", "2011", "2012"]


def test_a_shock_of_the_last_year_is_gone_from_samples_that_end_before_it():
    analysis, panel = recipe()
    hit = panel["y"] + 5.0 * (panel["unit"].isin(list(TREATED)) & (panel["period"] == 2020))
    hurt = analysis.replace(panel=panel.assign(y=hit.transpose(*panel["y"].dims).assign_attrs(panel["y"].attrs)))
    quiet, loud = earlier_ends(analysis)["2019"], earlier_ends(hurt)["2019"]
    assert np.array_equal(quiet.design["y"], loud.design["y"])
    assert refit(quiet, 0).att == refit(loud, 0).att
    assert refit(hurt, 0).att.mean > refit(loud, 0).att.mean + 0.2


def told(**ends):
    result = robustness({}, "y", NOTHING, {last.strip("_"): effect for last, effect in ends.items()})
    outcome = {"label": "Exports", **result.as_dict()}
    return said({"robustness": {"outcomes": {"y": outcome}}})


def test_each_end_is_an_answer_and_one_choice():
    result = robustness({}, "y", NOTHING, {"2019": NOTHING, "2018": dataclasses.replace(NOTHING, mean=0.1)})
    assert result.answers == 3
    (choice,) = result.choices
    assert (choice.choice, choice.size) == (LAST_YEAR, pytest.approx(0.08))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"mean": 0.09}, False),
        ({"mean": -0.1}, False),  # zero is inside before and after
        ({"mean": 0.3, "lower": 0.1, "upper": 0.5}, True),
    ],
)
def test_the_main_page_names_an_end_where_the_answer_is_another(changes, named):
    texts = told(_2019=NOTHING, _2018=dataclasses.replace(NOTHING, **changes))
    assert any(text.startswith("Were 2018 the last year, the mean would be") for text in texts) == named
