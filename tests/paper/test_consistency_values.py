"""The command on joint consistency: verdicts whose certificates a reader can check with nothing but the JSON."""

import json

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.core.resources import shipped
from bri_bayes.paper import load_published
from bri_bayes.paper.consistency_values import consistency_text, file_consistency
from bri_bayes.paper.joint import GROUPS
from bri_bayes.paper.reported import load_tables, reported

EXAMPLE = shipped("data") / "tables_example.toml"
# What twelve significant digits of the cross-products leave of a coefficient, in half units of its last digit.
CHECKED = 1 + 1e-3


@pytest.fixture(scope="module")
def entries(paper_entries):
    return json.loads(json.dumps(paper_entries, allow_nan=False))


@pytest.mark.published
def test_there_is_a_verdict_on_every_group_of_tables(entries):
    assert [entry["name"] for entry in entries] == list(GROUPS)
    verdicts = {entry["name"]: entry["verdict"] for entry in entries}
    assert verdicts["Tables 3 and 8"] == "shared"
    assert {name for name, verdict in verdicts.items() if verdict == "conflict"} == {
        "Tables 3 and 4",
        "Tables 5 and 7, both qualities",
        "Table 6 and Table 7, quality of exports",
        "Table 6 and Table 7, quality of imports",
    }


@pytest.mark.published
def test_a_certificate_of_conflict_is_checked_by_adding_residuals(entries):
    """sum_k a_k (y_k - X_k b_k) leaves the combination, whatever the data: an identity in the printed numbers."""
    published = load_published()
    for entry in entries:
        for relation in entry["certificate"].get("collinear", []):
            known = {r.name: r for r in reported(published, GROUPS[entry["name"]])}
            total = {}
            for name, weight in relation["weights"].items():
                regression = known[name]
                total[regression.outcome] = total.get(regression.outcome, 0.0) + weight
                for variable, number in regression.coefficients.items():
                    total[variable] = total.get(variable, 0.0) - weight * number.value
            size = max(abs(weight) for weight in relation["weights"].values())
            for variable, value in total.items():
                expected = relation["combination"].get(variable, 0.0)
                assert value == pytest.approx(expected, abs=1e-9 * size), (entry["name"], variable)
            low, high = relation["bounds"][max(relation["combination"], key=lambda n: abs(relation["combination"][n]))]
            assert low == high == pytest.approx(1)


@pytest.mark.published
def test_a_certificate_of_common_data_is_checked_by_least_squares_on_its_cross_products(entries):
    published = load_published()
    checked = 0
    for entry in entries:
        common = entry["certificate"].get("common")
        if common is None:
            continue
        blocks = [np.array(block) for block in common["cross_products"]]
        assert all(np.linalg.eigvalsh(block)[0] > 0 for block in blocks)
        regressions = reported(published, GROUPS[entry["name"]])
        sets = sorted({r.absorbed for r in regressions}, key=len, reverse=True)
        for r in regressions:
            names = [*r.regressors, r.outcome]
            total = np.zeros((len(names), len(names)))
            for block_names, block in list(zip(common["names"], blocks, strict=True))[: sets.index(r.absorbed) + 1]:
                at = [block_names.index(name) for name in names]
                total += block[np.ix_(at, at)]
            solved = np.linalg.solve(total[:-1, :-1], total[:-1, -1])
            for number, value in zip(r.coefficients.values(), solved, strict=True):
                assert abs(value - number.value) <= CHECKED * number.half_unit
                checked += 1
    assert checked > 150


def test_the_example_that_ships_is_a_conflict_and_its_comment_says_why():
    (entry,) = file_consistency(EXAMPLE)
    assert entry["verdict"] == "conflict"
    assert entry["why"].endswith("x = 0 in every row")
    b = {
        r.name: {name: number.value for name, number in r.coefficients.items()} for r in load_tables(EXAMPLE).regression
    }
    implied = b["Table 1 (2)"]["x"] + b["Table 1 (2)"]["z"] * b["Table 1 (3)"]["x"]
    assert implied == pytest.approx(0.50)
    assert f"{implied:.2f}, and not {b['Table 1 (1)']['x']:.2f}" in EXAMPLE.read_text(encoding="utf-8")


def test_the_example_with_the_number_that_least_squares_asks_for_can_be_one_data_set(tmp_path):
    path = tmp_path / "repaired.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8").replace('"0.62"', '"0.50"'), encoding="utf-8")
    (entry,) = file_consistency(path)
    assert (entry["name"], entry["verdict"]) == ("repaired.toml", "shared")


def test_the_text_shows_the_verdict_the_sum_and_a_slip(entries):
    text = consistency_text(entries)
    assert "Tables 3 and 8: one data set can give all" in text
    assert "Tables 3 and 4: NO data set can give all" in text
    assert "-0.01894 lnppl   (rounding allows -0.0199 to -0.018)" in text
    assert "decimal point of growth moved by one place to the right in every regression of quality_exp" in text


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml: cannot be read"):
        file_consistency(tmp_path / "nowhere.toml")
