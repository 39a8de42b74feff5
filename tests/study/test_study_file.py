"""Claims about study files, and about those that ship."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bri_bayes.core.errors import InputError
from bri_bayes.core.resources import shipped
from bri_bayes.core.schema import read_toml
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.design import build_design, two_way
from bri_bayes.paper import load_published
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import Study, load_study

GOODS, SIMULATED, HIGHTECH = (shipped("data") / f"{name}.toml" for name in ("goods_trade", "simulated", "hightech"))
REAL_PANEL = Path(__file__).parents[3] / "shared" / "data" / "real_panel" / "china_partners_2000_2023.csv"
CSV = "iso3,year,exports,gdp\nKAZ,2003,1.5,20\nKAZ,2004,1.8,22\nMNG,2003,0.5,2\nMNG,2004,0.25,3\n"
TOML = """\
title = "A study"
[panel]
kind = "user"
label = "My panel"
sources = ["me"]
file = "panel.csv"
unit = "iso3"
period = "year"
[assignment]
treated = ["KAZ"]
controls = ["MNG"]
onset = 2004
[outcomes.lnexport]
column = "exports"
transform = "log"
level_to_usd = 1e6
published = {estimate = 0.2, se = 0.1, source = "A paper"}
[covariates.gdp]
column = "gdp"
[unit_names]
KAZ = "Kazakhstan"
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "study.toml").write_text(TOML)
    (tmp_path / "panel.csv").write_text(CSV)
    return tmp_path


def twfe(panel: xr.Dataset, study: Study, outcome: str) -> tuple[float, int]:
    """Two-way fixed effects with one treatment dummy, by Frisch-Waugh-Lovell."""
    design = build_design(panel, study.assignment, dataclasses.replace(load_card("did"), outcome=outcome))
    treated, y = (two_way(design).residuals(design[name].to_numpy().astype(float)) for name in ("treated", "y"))
    return float(treated @ y / (treated @ treated)), y.size


def test_a_study_is_found_by_its_folder_or_its_file(folder):
    assert load_study(folder) == load_study(folder / "study.toml") == load_study(str(folder))


def test_the_panel_of_a_study_has_every_variable_and_says_where_it_comes_from(folder):
    panel = load_study(folder).load()
    assert list(panel) == ["lnexport", "gdp"]
    np.testing.assert_array_equal(panel["lnexport"], np.log([[1.5, 1.8], [0.5, 0.25]]))
    assert panel["lnexport"].attrs["level_to_usd"] == 1e6
    said = {"kind": "user", "label": "My panel", "sources": ["me"], "path": "panel.csv"}
    assert {name: panel.attrs[name] for name in said} == said


def test_a_study_has_an_assignment_and_names(folder):
    study = load_study(folder)
    assert study.assignment == Assignment({"KAZ": 2004, "MNG": None})
    assert (study.name_of("KAZ"), study.name_of("MNG")) == ("Kazakhstan", "MNG")
    assert study.models == ("did",)
    assert study.outcomes["lnexport"].published.source == "A paper"


def test_units_may_have_their_own_onsets(folder):
    changed = TOML.replace('treated = ["KAZ"]\n', "").replace("onset = 2004", "onsets = {KAZ = 2004, UZB = 2005}")
    (folder / "study.toml").write_text(changed)
    assert load_study(folder).assignment == Assignment({"KAZ": 2004, "UZB": 2005, "MNG": None})


def test_without_controls_every_other_unit_that_has_the_outcome_and_may_be_compared_is_one(folder):
    more = "".join(
        f"{unit},{year},{exports},2\n"
        for unit, exports in (("BLR", 1), ("SRB", 2), ("AFG", ""))
        for year in (2003, 2004)
    )
    (folder / "panel.csv").write_text(CSV + more)
    text = TOML.replace('controls = ["MNG"]\n', "")
    (folder / "study.toml").write_text(text + '[pool]\nexclude = ["SRB"]\n[exposed]\nBLR = 2004\n')
    study = load_study(folder)
    assert study.assignment.treated_units == ("KAZ",)
    assert set(study.assignment.never_treated) == {"MNG", "BLR"}
    assert study.load().sizes["unit"] == 3
    elsewhere = folder / "other.csv"
    elsewhere.write_text(CSV)
    (folder / "study.toml").write_text(text)
    assert load_study(folder, panel=elsewhere).assignment.never_treated == ("MNG",)


def test_a_study_without_controls_tells_all_units_with_zeros_at_once_and_exclude_is_a_way_out(folder):
    text = TOML.replace('controls = ["MNG"]\n', "")
    rows = "".join(f"{unit},{year},{value},1\n" for unit in "ABC" for year, value in ((2003, 0), (2004, 1)))
    (folder / "panel.csv").write_text(CSV + rows)
    (folder / "study.toml").write_text(text)
    with pytest.raises(InputError, match=r"A 2003 is 0, B 2003 is 0, C 2003 is 0: 3 rows of 3 units.*\[pool\] exclude"):
        load_study(folder).load()
    (folder / "study.toml").write_text(text + '[pool]\nexclude = ["A", "B", "C"]\n')
    assert load_study(folder).load().sizes["unit"] == 2


def test_without_controls_and_without_another_unit_or_a_panel_a_study_is_refused(folder):
    text = TOML.replace('controls = ["MNG"]\n', "")
    (folder / "panel.csv").write_text(CSV.split("MNG", maxsplit=1)[0])
    (folder / "study.toml").write_text(text)
    with pytest.raises(InputError, match="no other unit to compare with"):
        load_study(folder)
    (folder / "study.toml").write_text(text.replace('file = "panel.csv"\n', ""))
    with pytest.raises(InputError, match=r"names no controls.* give it with --panel"):
        load_study(folder)


def test_a_card_file_is_looked_for_beside_the_study(folder):
    (folder / "study.toml").write_text('models = ["did", "mine.toml"]\n' + TOML)
    assert load_study(folder).models == ("did", str(folder / "mine.toml"))


def test_another_csv_with_the_same_layout_may_take_the_place_of_the_panel(folder, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(CSV.replace("1.8", "3.6"))
    study = load_study(folder)
    assert study.load(other)["lnexport"].sel(unit="KAZ", period=2004).item() == np.log(3.6)
    xr.testing.assert_identical(load_study(folder, panel=other).load(), study.load(other))
    assert study.load(other).attrs["kind"] == "user"


def test_a_csv_in_the_place_of_a_simulation_is_the_reader_s_own_panel(tmp_path):
    study = load_study(None, panel=tmp_path / "mine.csv")
    assert study.panel.kind == "user"
    assert study.panel.generator is None


BAD_STUDIES = {
    "unknown table": ("[covariates.gdp]", "[covariate.gdp]", 'unknown key "covariate"; did you mean "covariates"'),
    "unknown key": ("level_to_usd", "level_in_usd", r'"level_in_usd" in \[outcomes.lnexport\]; did you mean "level_to'),
    "unknown role key": (
        'column = "gdp"',
        'column = "gdp"\nlevel_to_usd = 1',
        r'unknown key "level_to_usd" in \[covariates.gdp\]',
    ),
    "misspelt panel": ("[panel]", "[pannel]", 'unknown key "pannel"; did you mean "panel"'),
    "no title": ('title = "A study"', "", 'the key "title" is missing'),
    "kind": ('kind = "user"', 'kind = "real"', r'kind = "real" in \[panel\] is not allowed'),
    "transform": ('"log"', '"ln"', r'transform = "ln" in \[outcomes.lnexport\] is not allowed'),
    "scale": ('column = "gdp"', 'column = "gdp"\nscale = 0', "the scale must be finite and not zero"),
    "published se": ("se = 0.1", "se = 0", "estimate and se must be finite and se positive"),
    "file and generator": ("file =", 'generator = "x"\nfile =', "a file or a generator, not both"),
    "generator": ("file = ", "generator = ", 'there is no generator "panel.csv"'),
    "generated kind": (
        'file = "panel.csv"',
        'generator = "simulated_nine_countries"',
        'of the kind reconstruction or simulation, not "user"',
    ),
    "periods": ('file = "panel.csv"', "periods = [2004, 2003]", "the first and a later last one"),
    "no onset": ("onset = 2004", "", r"\[assignment\].* needs treated and onset, or else onsets"),
    "unit twice": ('controls = ["MNG"]', 'controls = ["MNG", "KAZ"]', 'the unit "KAZ" is named 2 times'),
    "assignment key": ("onset = 2004", "onse = 2004", r'\[assignment\]: unknown key "onse"; did you mean "onset"'),
    "name of a stranger": ('KAZ = "Kazakhstan"', 'CHN = "China"', 'unit_names has "CHN"'),
    "two roles": ("[covariates.gdp]", "[covariates.lnexport]", 'the variable "lnexport" has 2 roles'),
    "no models": ('title = "A study"', 'title = "A study"\nmodels = []', "at least one outcome and one model"),
}


@pytest.mark.parametrize(("old", "new", "sentence"), BAD_STUDIES.values(), ids=BAD_STUDIES.keys())
def test_a_bad_study_is_refused_with_its_file_and_key(folder, old, new, sentence):
    assert old in TOML
    (folder / "study.toml").write_text(TOML.replace(old, new, 1))
    with pytest.raises(InputError, match=sentence) as caught:
        load_study(folder)
    assert str(caught.value).startswith(f'study "study" ({folder / "study.toml"}): ')


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"study\.toml: cannot be read"):
        load_study(tmp_path)


def test_a_unit_of_the_assignment_that_the_panel_lacks_is_refused(folder):
    (folder / "study.toml").write_text(TOML.replace('controls = ["MNG"]', 'controls = ["MNG", "SRB"]'))
    with pytest.raises(InputError, match=r'panel\.csv: the requested unit "SRB" is not there'):
        load_study(folder).load()


@pytest.mark.parametrize(("path", "kind"), [(None, "reconstruction"), (SIMULATED, "simulation")])
def test_the_studies_that_ship_with_a_panel_run_without_data_and_say_what_it_is(path, kind):
    study = load_study(path)
    panel = study.load()
    assert panel.sizes == {"unit": 9, "period": 21}
    assert panel.attrs["kind"] == kind
    assert ("truth" in panel.attrs) == (kind == "simulation")
    assert "not observations" in panel.attrs["label"]
    assert set(panel.data_vars) == set(study.columns)
    assert np.isfinite(panel.to_array()).all()


def test_the_study_that_ships_has_the_variables_of_the_paper_s_regressions():
    study = load_study()
    regressors = {name for regression in load_published().regressions() for name in regression.regressors}
    outcomes = {regression.outcome for regression in load_published().regressions()}
    assert outcomes | {name for name in regressors if not name.startswith("BRI")} == set(study.columns)


def test_a_generated_panel_is_refused_a_year_or_a_column_that_it_lacks():
    study = load_study(SIMULATED)
    longer = dataclasses.replace(study, panel=dataclasses.replace(study.panel, periods=(2003, 2024)))
    with pytest.raises(InputError, match='the requested period "2024" is not there'):
        longer.load()
    renamed = dataclasses.replace(study.outcomes["lnexport"], column="exprot_musd")
    with pytest.raises(InputError, match='there is no column "exprot_musd"; did you mean "export_musd"'):
        dataclasses.replace(study, outcomes={"lnexport": renamed}).load()


def test_goods_trade_without_its_panel_says_how_to_give_it():
    with pytest.raises(InputError, match=r'the panel of the study "goods_trade" is not shipped; give .* --panel'):
        load_study(GOODS).load()


def test_high_technology_trade_without_its_panel_names_the_command_that_brings_it(tmp_path):
    study = tmp_path / "hightech.toml"
    study.write_text(HIGHTECH.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(InputError, match=r"panel.csv: there is no such file; `bri-bayes data fetch` brings it$"):
        load_study(study).load()


@pytest.mark.parametrize(
    "path", [None, GOODS, SIMULATED, HIGHTECH], ids=["study", "goods_trade", "simulated", "hightech"]
)
def test_the_studies_that_ship_name_nine_countries_and_runnable_cards(path):
    study = load_study(path)
    assert len(study.assignment.treated_units) == 5
    assert set(study.unit_names) == set(study.assignment.units)
    assert all(load_card(model).title for model in study.models)


def test_the_codebook_describes_every_variable_of_the_studies_and_no_other():
    codebook = read_toml(shipped("data") / "codebook.toml")
    studies = [load_study(path) for path in (None, GOODS, SIMULATED, HIGHTECH)]
    assert set(codebook) == {name for study in studies for name in study.columns}
    for study in studies:
        for name, column in study.columns.items():
            entry = codebook[name] | codebook[name].get(study.name, {})
            assert (entry["label"], entry["units"], entry["transform"]) == (
                column.label,
                column.units,
                column.transform,
            )
            assert entry["source"]


@pytest.mark.published
def test_goods_trade_shows_the_published_cells_as_high_technology_trade():
    outcomes = load_study(GOODS).outcomes
    exports, imports = outcomes["lnexport"].published, outcomes["lnimport"].published
    assert (exports.estimate, exports.se) == (0.218, 0.0385)
    assert (imports.estimate, imports.se) == (0.0988, 0.0503)
    assert all("high-technology" in published.source for published in (exports, imports))


@pytest.mark.real
@pytest.mark.skipif(not REAL_PANEL.is_file(), reason="the real panel is not here")
def test_the_real_panel_gives_its_known_two_way_fixed_effects():
    study = load_study(GOODS, panel=REAL_PANEL)
    panel = study.load()
    assert panel.attrs["kind"] == "official"
    # PROVENANCE.md of the real panel: 159 rows, 0.200 and 0.135.
    assert twfe(panel, study, "lnexport") == (pytest.approx(0.200, abs=5e-4), 159)
    assert twfe(panel, study, "lnimport") == (pytest.approx(0.135, abs=5e-4), 159)
    assert panel["lnexport"].sel(unit="SRB", period=slice(2003, 2005)).isnull().all()
    assert float(abs(panel["growth"]).max()) < 0.5


@pytest.mark.real
@pytest.mark.skipif(not REAL_PANEL.is_file(), reason="the real panel is not here")
def test_nine_countries_of_the_real_panel_are_read_in_a_fraction_of_a_second(within):
    study = load_study(GOODS, panel=REAL_PANEL)
    study.load()
    with within(0.15):
        assert study.load().attrs["kind"] == "official"


POOL = """iso3,year,exports
KAZ,2010,1
KAZ,2011,2
KAZ,2012,3
MNG,2010,4
MNG,2011,5
MNG,2012,6
ABW,2010,7
ABW,2011,0
ABW,2012,9
FRA,2010,1
FRA,2011,1
FRA,2012,2
"""
POOL_STUDY = """
title = "A pool"
[panel]
kind = "user"
file = "pool.csv"
unit = "iso3"
period = "year"
[assignment]
treated = ["KAZ"]
controls = ["MNG"]
onset = 2012
[outcomes.lnexport]
column = "exports"
transform = "log"
[pool]
exclude = ["FRA"]
"""


def test_the_pool_has_every_unit_but_the_excluded_and_a_level_without_log_is_missing_there(tmp_path):
    (tmp_path / "pool.csv").write_text(POOL, encoding="utf-8")
    (tmp_path / "study.toml").write_text(POOL_STUDY, encoding="utf-8")
    study = load_study(tmp_path)
    pool = study.load_pool()
    assert pool["unit"].values.tolist() == ["ABW", "KAZ", "MNG"]
    assert bool(pool["lnexport"].sel(unit="ABW", period=2011).isnull())
    assert pool.attrs["cells_without_log"] == 1
    assert study.load()["unit"].values.tolist() == ["KAZ", "MNG"]


def test_the_pool_of_the_study_that_ships_is_the_reconstruction_without_its_other_treated_units():
    study = load_study()
    pool = study.load_pool()
    named = set(study.assignment.units)
    assert pool.sizes == {"unit": 206, "period": 21}  # 201 of 291 are never treated, and five are ours
    assert named < set(pool["unit"].values.tolist())
    assert pool.attrs["kind"] == "reconstruction"
    assert pool.attrs["cells_without_log"] == 0
    xr.testing.assert_equal(pool.sel(unit=sorted(named))["lnexport"], study.load()["lnexport"])


def test_a_section_that_does_not_exist_is_refused(tmp_path):
    text = POOL_STUDY.replace('title = "A pool"', 'title = "A pool"\nsections = ["placebos"]')
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match='no section "placebos"; did you mean "placebo"'):
        load_study(tmp_path)


def test_a_blank_cell_of_the_treatment_column_of_the_pool_is_refused_where_it_decides(tmp_path):
    header, *rows = POOL.strip().splitlines()
    with_policy = [f"{header},policy", *(f"{row},{'' if row.startswith('ABW') else 0}" for row in rows)]
    (tmp_path / "pool.csv").write_text("\n".join(with_policy) + "\n", encoding="utf-8")
    text = POOL_STUDY.replace("[pool]", '[pool]\ntreatment = "policy"')
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r'treatment = "policy": the cell of "ABW" in \d+ is empty'):
        load_study(tmp_path).load_pool()
    (tmp_path / "study.toml").write_text(text.replace('["FRA"]', '["FRA", "ABW"]'), encoding="utf-8")
    assert load_study(tmp_path).load_pool()["unit"].values.tolist() == ["KAZ", "MNG"]


RELATIVE = TOML.replace('transform = "log"\nlevel_to_usd = 1e6', 'transform = "log"\nrelative_to = "gdp"')


def test_a_relative_outcome_is_the_logarithm_of_the_ratio_of_two_columns(folder):
    (folder / "study.toml").write_text(RELATIVE)
    panel = load_study(folder).load()
    assert float(panel["lnexport"].sel(unit="KAZ", period=2004)) == pytest.approx(np.log(1.8 / 22))
    assert panel["lnexport"].attrs["label"] == "exports / gdp"
    assert panel["lnexport"].attrs["relative_to"] == "gdp"


def test_a_relative_outcome_needs_a_positive_divisor_and_is_no_money(folder):
    (folder / "study.toml").write_text(RELATIVE)
    (folder / "panel.csv").write_text(CSV.replace("0.5,2", "0.5,0"))
    with pytest.raises(InputError, match='gdp of MNG 2003 is 0; what "exports" is relative to is positive'):
        load_study(folder).load()
    (folder / "study.toml").write_text(RELATIVE.replace("relative_to", "level_to_usd = 1.0\nrelative_to"))
    with pytest.raises(InputError, match="is a share: it has no level_to_usd"):
        load_study(folder)


def test_a_cell_without_a_ratio_is_missing_in_the_pool(tmp_path):
    rows = [f"{line},{0 if line.startswith('ABW,2012') else 2}" for line in POOL.splitlines()[1:]]
    (tmp_path / "pool.csv").write_text("\n".join(["iso3,year,exports,total", *rows]), encoding="utf-8")
    text = POOL_STUDY.replace('transform = "log"', 'transform = "log"\nrelative_to = "total"')
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    pool = load_study(tmp_path).load_pool()
    assert pool.attrs["cells_without_log"] == 2
    assert bool(pool["lnexport"].sel(unit="ABW", period=2012).isnull())
    assert float(pool["lnexport"].sel(unit="MNG", period=2012)) == pytest.approx(np.log(6 / 2))
