"""Honest bounds and priors on the real panel: the numbers that the decision records give."""

from __future__ import annotations

from pathlib import Path

import pytest

from bri_bayes.app.section_answer import section_answer
from bri_bayes.runtime.cache import Cache

STUDY = Path(__file__).resolve().parents[3] / "data" / "goods_trade.toml"
pytestmark = pytest.mark.real

# Ends of intervals are recorded with two decimals; importance points of another machine move them by less than this.
RECORDED = 0.03
BOUNDS = {"lnexport": ((-1.13, 0.41), (-3.43, 3.49)), "lnimport": ((-3.10, 1.01), (-8.94, 7.76))}
WALK = {"lnexport": (0.09, -0.58, 0.53), "lnimport": (0.12, -1.64, 0.84)}


@pytest.fixture(scope="module")
def sections(shared, tmp_path_factory):
    panel = shared / "data" / "real_panel" / "china_partners_2000_2023.csv"
    folder = tmp_path_factory.mktemp("study")
    study, cache = folder / STUDY.name, Cache(folder / "cache")
    # Without the third card of the study, of which nothing is asked here.
    study.write_text(STUDY.read_text(encoding="utf-8").replace(', "did_scale_by_unit"]', "]"), encoding="utf-8")
    # Of the bounds a quick run has fewer points on the curve alone; of the priors it leaves out the card of the checks.
    quick = {"honest": True, "prior": False}
    return {name: section_answer(name, study, panel=panel, quick=quick[name], cache=cache).values for name in quick}


@pytest.mark.parametrize("outcome", BOUNDS)
def test_honest_intervals_and_the_learned_drift_are_the_recorded_ones(sections, outcome):
    content = sections["honest"]["outcomes"][outcome]
    line, same = (
        next(row for row in content[kind] if row["errors"] == "ar1" and row["bound"] == bound)
        for kind, bound in (("smoothness", 0.0), ("relative", 1.0))
    )
    assert (line["lower"], line["upper"]) == pytest.approx(BOUNDS[outcome][0], abs=RECORDED)
    assert (same["lower"], same["upper"]) == pytest.approx(BOUNDS[outcome][1], abs=RECORDED)
    learned = content["learned"]
    numbers = (learned["step"]["posterior"]["median"], learned["att"]["lower"], learned["att"]["upper"])
    assert numbers == pytest.approx(WALK[outcome], abs=RECORDED)
    assert content["breakdown"]["s"] is None


def test_no_prior_of_the_main_card_or_of_the_event_study_drives_the_answer(sections):
    for details in sections["prior"]["details"].values():
        assert all(row["verdict"] == "not sensitive" for row in details["by_card"]["did"])
        assert max(abs(row["moved_sd"]) for row in details["refits"]) < 0.15
        verdicts = {row["name"]: row["verdict"] for row in details["scales"]}
        assert verdicts.pop("eta") != "learned"
        assert verdicts == {
            "sigma": "learned",
            "rho": "learned",
            "noise": "learned",
            "shock_ratio": "partly learned",
            "omega": "not learned",
        }
    rows = {row["prior"]: row for row in sections["prior"]["details"]["lnexport"]["by_card"]["event_study"]}
    assert rows["effect"]["verdict"] == "not sensitive"
