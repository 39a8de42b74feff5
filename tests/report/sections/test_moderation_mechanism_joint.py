"""The commands and report sections of what drives the effect: shapes, options, refusals, and the paper's tables."""

import dataclasses
import json

import pytest

from bri_bayes.app.section_answer import SectionAnswer, section_answer
from bri_bayes.core.errors import InputError
from bri_bayes.core.resources import shipped
from bri_bayes.paper.model_tables import table_column, table_columns
from bri_bayes.report.sections import load_section
from bri_bayes.study.model_card import Sampler, load_card
from bri_bayes.study.study_file import load_study

SIMULATED = shipped("data") / "simulated.toml"
QUADRANTS = {"both_up", "first_up_second_not", "second_up_first_not", "neither_up"}
EFFECT = {"mean", "sd", "lower", "upper", "p_positive"}
VERDICTS = {"supported", "not supported", "cannot be told"}
CLAIMS = """
[[claims]]
text = "{outcome}: weaker with {moderator}"
where = "a table"
rule = "moderation"
[[claims]]
text = "{outcome}: through {channels}"
where = "a table"
rule = "mediation"
[[claims]]
text = "{outcome} both rose"
where = "a table"
rule = "both_positive"
"""


def values_of(name, study=SIMULATED, **options):
    return section_answer(name, study, quick=True, options=options).values


@pytest.fixture
def with_claims(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(SIMULATED.read_text(encoding="utf-8") + CLAIMS, encoding="utf-8")
    return path


def check_claims(values, *texts):
    assert [claim["claim"] for claim in values["claims"]] == list(texts)
    for claim in values["claims"]:
        assert claim["verdict"] in VERDICTS
        assert claim["numbers"]
        assert claim["panel"] == "simulation"


def test_moderation_has_a_curve_a_slope_and_least_squares_for_each_version(with_claims):
    values = values_of("moderation", with_claims)
    assert values["panel"]["kind"] == "simulation"
    assert set(values["outcomes"]) == {"lnexport", "lnimport"}
    for outcome in values["outcomes"].values():
        assert set(outcome["versions"]) == {"time_varying", "before_onset"}
        for content in outcome["versions"].values():
            assert set(content["slope"]) == EFFECT
            assert content["p_negative"] == pytest.approx(1 - content["slope"]["p_positive"])
            at = [point["at"] for point in content["curve"]]
            assert [at[0], at[-1]] == pytest.approx(content["range"])
            assert {row["inference"] for row in content["frequentist"]} == {
                "iid",
                "cluster",
                "cluster_crv3",
                "permutation",
            }
    check_claims(
        values,
        "Exports of China: weaker with Gini index of disposable income",
        "Imports of China: weaker with Gini index of disposable income",
    )
    text = SectionAnswer("moderation", values, load_study(SIMULATED)).text()
    assert "SIMULATED PANEL" in text
    assert "Fixed at" in text


def test_another_moderator_is_taken_by_name_and_an_unknown_one_is_refused():
    values = values_of("moderation", moderator="lnpgdp")
    assert values["moderator"]["name"] == "lnpgdp"
    with pytest.raises(InputError, match='has no variable "ineqality" to moderate with; did you mean "inequality"'):
        values_of("moderation", moderator="ineqality")
    with pytest.raises(InputError, match='has no variable "lnexport" to moderate'):
        values_of("moderation", moderator="lnexport")


def test_mechanism_multiplies_two_arms_and_says_at_which_confounder_a_channel_vanishes(with_claims):
    values = values_of("mechanism", with_claims)
    content = values["outcomes"]["lnexport"]["channels"]["institution"]
    paths = ("channel_effect", "channel_slope", "indirect", "direct", "total", "total_alone")
    assert all(set(content[path]) == EFFECT for path in paths)
    assert content["total"]["mean"] == pytest.approx(content["indirect"]["mean"] + content["direct"]["mean"])
    at_zero = next(point for point in content["confounder"]["curve"] if point["correlation"] == 0)
    assert at_zero["mean"] == pytest.approx(content["indirect"]["mean"])
    assert -1 <= content["confounder"]["vanishes_at"]["lower"] <= content["confounder"]["vanishes_at"]["upper"] <= 1
    check_claims(
        values,
        "Exports of China: through government effectiveness",
        "Imports of China: through government effectiveness",
    )
    parts = load_section("mechanism").parts({**values, "mechanism": values})
    assert "can show" in parts[0].text
    assert parts[0].strong


def test_joint_gives_four_probabilities_that_add_up_to_one(with_claims):
    values = values_of("joint", with_claims)
    (content,) = values["outcomes"].values()
    assert set(content["quadrants"]) == QUADRANTS
    assert sum(content["quadrants"].values()) == pytest.approx(1.0)
    check_claims(values, "Exports of China and imports of China both rose")
    assert "both rose" in SectionAnswer("joint", values, load_study(SIMULATED)).text()


def test_the_command_prints_json_and_names_what_it_does_not_know(call):
    status, out, _ = call("joint", SIMULATED, "--quick", "--json")
    assert status == 0
    assert set(json.loads(out)) == {"panel", "outcomes", "claims", "checks", "failed_gates"}
    status, out, err = call("moderation", SIMULATED, "--moderator", "gdp")
    assert (status, out) == (2, "")
    assert 'has no variable "gdp"' in err
    assert "Traceback" not in err


def test_a_study_without_modifiers_and_mediators_is_told_what_the_commands_need(tmp_path):
    text = SIMULATED.read_text(encoding="utf-8")
    kept = [part for part in text.split("\n\n") if not part.startswith(("[modifiers", "[mediators"))]
    path = tmp_path / "study.toml"
    path.write_text("\n\n".join(kept), encoding="utf-8")
    for name in ("moderation", "mechanism"):
        with pytest.raises(InputError, match=f"{name} needs a variable in "):
            section_answer(name, path, quick=True)


def test_a_standard_error_belongs_to_a_modifier_that_is_not_transformed(tmp_path):
    text = SIMULATED.read_text(encoding="utf-8")
    path = tmp_path / "study.toml"
    changed = text.replace('column = "gini"', 'column = "gini"\nstandard_error = "gini_se"\ntransform = "log"')
    path.write_text(changed, encoding="utf-8")
    with pytest.raises(InputError, match='a standard error needs transform = "none", not "log"'):
        load_study(path)


@pytest.mark.published
@pytest.mark.parametrize(
    ("table", "column", "focal"), [(5, 2, "BRI"), (8, 1, "BRI_x_inequality"), (7, 6, "infrastructure")]
)
def test_the_reconstruction_gives_a_printed_cell_back_and_a_posterior_beside_it(table, column, focal):
    card = dataclasses.replace(load_card("did"), sampler=Sampler(chains=2, draws=200, proposals=600))
    content = table_column(table, column, card, 0)
    row = next(row for row in content["rows"] if row["variable"] == focal)
    assert round(row["reproduced"], row["decimals"]) == pytest.approx(row["published"])
    assert set(row["bayes"]) == EFFECT
    # Another model on the same rows: not the same number, but of its size.
    assert abs(row["bayes"]["mean"] - row["published"]) < 6 * row["clustered_se"]


@pytest.mark.published
def test_every_column_of_tables_5_to_8_has_its_place():
    assert table_columns((8,)) == [(8, 1), (8, 2)]
    assert len(table_columns((5, 6, 7))) == 3 + 4 + 8


@pytest.mark.real
def test_the_real_panel_loses_27_rows_to_the_gini_and_cannot_tell_the_slope(shared):
    panel = shared / "data" / "real_panel" / "china_partners_2000_2023.csv"
    study = shipped("data") / "goods_trade.toml"
    values = section_answer("moderation", study, panel=panel, quick=True).values
    yearly = values["outcomes"]["lnexport"]["versions"]["time_varying"]
    assert yearly["rows"]["n_lost"] == 27
    assert set(yearly["rows"]["lost"]) == {"AZE", "TKM"}
    assert yearly["rows"]["without_treated_rows"] == ["TKM"]
    assert values["outcomes"]["lnexport"]["versions"]["before_onset"]["rows"]["used"] == 159
    assert {claim["verdict"] for claim in values["claims"]} == {"cannot be told"}
    joint = section_answer("joint", study, panel=panel).values["outcomes"]["lnexport+lnimport"]
    assert joint["rows"] == 159
    assert joint["quadrants"]["first_up_second_not"] == pytest.approx(0.39, abs=0.04)
