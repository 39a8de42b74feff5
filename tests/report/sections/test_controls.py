"""The commands ``controls`` and ``curve`` on the simulated study: shapes, sentences by their rules, refusals, cache."""

import csv
import json
from pathlib import Path

import pytest

from bri_bayes.app.section_answer import section_answer
from bri_bayes.core.errors import InputError
from bri_bayes.presentation.control_sentences import (
    contamination_sentence,
    curve_sentence,
    influence_sentence,
    shares_sentence,
)
from bri_bayes.presentation.page_parts import Heading, Picture
from bri_bayes.report.sections import load_section
from bri_bayes.runtime.cache import Cache
from bri_bayes.study.study_file import load_study

DATA = Path(__file__).resolve().parents[3] / "data"
STUDY = DATA / "simulated.toml"
EFFECT = {"mean", "sd", "lower", "upper", "p_positive"}
# The promise is 5 s on two idle cores, start-up included; the test machine may be busy.
SECONDS = 20


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The simulated study with one of its outcomes: half of the time."""
    folder = tmp_path_factory.mktemp("study")
    before, _, rest = STUDY.read_text(encoding="utf-8").partition("[outcomes.lnimport]")
    (folder / "study.toml").write_text(before + rest[rest.index("[covariates") :], encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def controls(cache, study):
    return section_answer("controls", study, quick=True, cache=cache).values


@pytest.fixture(scope="module")
def curve(cache, study):
    return section_answer("speccurve", study, quick=True, cache=cache).values


def test_the_json_has_the_promised_shape(controls):
    assert controls["panel"]["kind"] == "simulation"
    assert set(controls["outcomes"]) == {"lnexport"}
    for outcome in controls["outcomes"].values():
        assert len(outcome["subsets"]) == 15
        assert len(outcome["leave_one_out"]) == 9
        assert [record["share"] for record in outcome["contaminated"]][:2] == [0.0, 0.1]
        for record in (*outcome["subsets"], *outcome["leave_one_out"], *outcome["contaminated"]):
            assert set(record["att"]) == EFFECT
        assert {frozenset(record["controls"]) for record in outcome["subsets"]} >= {frozenset(outcome["controls"])}
        assert outcome["subsets"][-1]["att"] == outcome["main"]["att"]
        assert outcome["contaminated"][0]["att"]["mean"] == pytest.approx(outcome["main"]["att"]["mean"], abs=0.02)
    json.dumps(controls, allow_nan=False)


def test_nine_units_have_no_wider_pool_and_a_model_of_four_donors_is_refused(controls):
    for outcome in controls["outcomes"].values():
        assert outcome["pool"] == []
        assert outcome["synthetic"]["refused"].startswith("4 complete donors for 5 treated units")
        assert "refused" in outcome["factor"]
        assert outcome["expected"] == []
    parts = load_section("controls").parts({"controls": controls, "panel": controls["panel"], "outcomes": {}})
    texts = [part.text for part in parts if hasattr(part, "text")]
    assert any(text.startswith("No synthetic control: 4 complete donors") for text in texts)
    assert Picture("control_subsets") in parts


def test_the_page_says_nothing_of_exposed_controls_where_there_are_none(controls):
    def headings(outcomes):
        parts = load_section("controls").parts({**controls, "controls": {"outcomes": outcomes}})
        return [part.text for part in parts if isinstance(part, Heading)]

    outcomes = controls["outcomes"]
    clean = {name: outcome | {"contaminated": [], "contamination": None} for name, outcome in outcomes.items()}
    refused = {name: outcome | {"contaminated_refused": "no"} for name, outcome in clean.items()}
    title = "Controls that joined the policy themselves"
    assert title in headings(outcomes)
    assert title in headings(refused)
    assert title not in headings(clean)


def test_an_unknown_kind_is_refused(cache, study):
    with pytest.raises(InputError, match='--kind "sets" is unknown; did you mean "subsets"'):
        section_answer("controls", study, quick=True, cache=cache, options={"kind": "sets"})


def test_one_kind_computes_nothing_else(cache, study):
    section = section_answer("controls", study, quick=True, cache=cache, options={"kind": "subsets"}).values
    assert set(section["outcomes"]["lnexport"]) >= {"subsets", "leave_one_out", "influence"}
    assert not set(section["outcomes"]["lnexport"]) & {"contaminated", "pool", "synthetic"}


def test_the_curve_counts_its_rows_and_says_what_moves_it(curve):
    for outcome in curve["outcomes"].values():
        specifications = outcome["specifications"]
        assert len(specifications) == outcome["summary"]["n"] == 5 * 2 * 2 * 4
        assert all(record["rows"] == 21 * record["units"] and record["filled"] == 0 for record in specifications)
        shares = outcome["shares"]
        assert sum(row["share"] for row in shares["shares"]) + shares["combinations"] == pytest.approx(1.0)
        assert outcome["permutation"]["n_groups"] == 126
        assert outcome["left_out"] == []
        assert shares_sentence(outcome).startswith("Of the variance over the curve,")
    json.dumps(curve, allow_nan=False)


def test_what_was_computed_comes_back_at_once(cache, study, controls, curve, within):
    with within(SECONDS / 2):
        assert section_answer("controls", study, quick=True, cache=cache).values == controls
        assert section_answer("speccurve", study, quick=True, cache=cache).values == curve


def test_the_tables_have_a_row_for_each_number(controls, curve):
    values = {**controls, "controls": controls, "speccurve": curve}
    frames = {spec.name: spec.frame(values) for name in ("controls", "speccurve") for spec in load_section(name).tables}
    assert len(frames["controls"]) == 1 + 15 + 9
    assert len(frames["control_influence"]) == 4
    assert len(frames["contamination"]) == 11
    assert len(frames["spec_curve"]) == 80
    assert frames["spec_curve"]["mean"].iloc[:80].is_monotonic_increasing
    assert all((frame["panel"] == "simulation").all() for frame in frames.values())


def small_study(folder, *, card="did", onsets="KAZ = 2013\nKGZ = 2014"):
    """Two treated units of different onsets and two controls, simulated."""
    text = STUDY.read_text(encoding="utf-8")
    before, _, rest = text.partition("[outcomes.lnimport]")
    text = (before + rest[rest.index("[covariates") :]).partition("[unit_names]")[0]
    head, _, tail = text.partition("[assignment]")
    tail = tail[tail.index("[exposed]") :].replace("SRB = 2015\n", "").replace("MNG = 2017\n", "")
    models = 'models = ["did", "event_study", "did_scale_by_unit"]'
    head = head.replace(models, f'models = ["{card}"]')
    text = f'{head}[assignment]\ncontrols = ["AZE", "BLR"]\n[assignment.onsets]\n{onsets}\n{tail}'
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


def test_different_onsets_have_a_curve_without_a_permutation(tmp_path, cache):
    study = small_study(tmp_path)
    section = section_answer("speccurve", study, quick=True, cache=cache).values["outcomes"]["lnexport"]
    assert len(section["specifications"]) == 3 * 2 * 2 * 4
    assert section["permutation"] == {"refused": "onsets differ (2013, 2014), so that groups cannot be exchanged"}
    assert "There is no permutation of the median: onsets differ" in curve_sentence(section, 2)


def test_a_card_with_leads_has_sets_of_controls_and_says_why_it_has_no_contamination(tmp_path, cache):
    study = small_study(tmp_path, card="event_study", onsets="KAZ = 2013\nKGZ = 2013")
    section = section_answer("controls", study, quick=True, cache=cache).values["outcomes"]["lnexport"]
    assert len(section["subsets"]) == 3
    assert section["contaminated"] == []
    assert "without leads" in section["contaminated_refused"]


def test_a_sentence_names_the_control_that_moves_the_estimate_most():
    moves = [
        {"control": "AZE", "joins": -0.2, "with": 0.1, "without": 0.35},
        {"control": "MNG", "joins": 0.1, "with": 0.3, "without": 0.15},
    ]
    text = influence_sentence({"unit_names": {"AZE": "Azerbaijan"}}, moves, 2)
    assert text == (
        "Azerbaijan moves it most: by −0.20 on average when it joins (mean +0.35 without it, +0.10 with it); "
        "then MNG, by +0.10."
    )


@pytest.mark.parametrize(("bits", "words"), [(0.02, "hardly tell the share"), (0.7, "say something of the share")])
def test_the_sentence_about_the_share_follows_the_bits(bits, words):
    att = {"mean": 0.2, "sd": 0.1, "lower": 0.0, "upper": 0.4, "p_positive": 0.9}
    outcome = {
        "label": "Exports",
        "contaminated": [{"att": att}, {"att": att}],
        "contamination": {"kappa": {"mean": 0.4, "sd": 0.2}, "att": att, "quadrature": {"learned": bits}},
    }
    assert words in contamination_sentence(outcome, 2)


def test_the_years_of_exposure_are_those_of_the_signed_documents():
    with (DATA / "published" / "signatories.csv").open(encoding="utf-8") as stream:
        signed = {row["unit"]: int(row["signed"][:4]) for row in csv.DictReader(stream)}
    for name in ("study", "goods_trade", "simulated"):
        study = load_study(DATA / f"{name}.toml")
        assert dict(study.exposed) == {unit: signed[unit] for unit in study.assignment.never_treated}


def test_the_onsets_by_signature_are_those_of_the_signed_documents():
    with (DATA / "published" / "signatories.csv").open(encoding="utf-8") as stream:
        signed = {row["unit"]: int(row["signed"][:4]) for row in csv.DictReader(stream)}
    study, of_the_speech = (load_study(DATA / f"{name}.toml") for name in ("goods_trade_signed", "goods_trade"))
    last = study.panel.periods[1]
    within = {unit: signed[unit] for unit in of_the_speech.assignment.treated_units if signed[unit] <= last}
    assert {unit: study.assignment.first_treated[unit] for unit in study.assignment.treated_units} == within
    assert set(study.assignment.units) == set(of_the_speech.assignment.units)


def test_an_exposed_unit_that_is_no_control_is_refused(tmp_path):
    text = STUDY.read_text(encoding="utf-8").replace("AZE = 2015", "KAZ = 2015")
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match='exposed has "KAZ"'):
        load_study(tmp_path)


@pytest.mark.real
def test_none_of_fifteen_sets_of_the_real_panel_tells_the_effect_from_zero(shared, call, within):
    path = shared / "data" / "real_panel" / "china_partners_2000_2023.csv"
    with within(SECONDS):
        status, out, _ = call("controls", DATA / "goods_trade.toml", "--panel", path, "--kind", "subsets", "--json")
    assert status == 0
    outcomes = json.loads(out)["outcomes"]
    exports = [record["att"] for record in outcomes["lnexport"]["subsets"]]
    assert len(exports) == 15
    assert not any(att["lower"] > 0 or att["upper"] < 0 for att in exports)
    # The rows that the provenance note counts; Serbia starts in 2006.
    assert outcomes["lnexport"]["main"]["rows"] == 159
    assert outcomes["lnexport"]["main"]["att"]["mean"] == pytest.approx(-0.006, abs=0.02)
