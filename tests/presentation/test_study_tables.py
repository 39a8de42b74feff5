"""Are the tables the values, row by row, with their provenance?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import CAPTIONS, TABLES, estimate_text, headline
from bri_bayes.report.table_files import write_latex, write_tables

Values = dict[str, Any]
EXAMPLE = Path(__file__).parents[1] / "report" / "figures" / "example_values.json"


@pytest.fixture
def values() -> Values:
    return dict(json.loads(EXAMPLE.read_text(encoding="utf-8")))


def test_the_headline_has_every_method_in_the_order_of_the_argument(values: Values) -> None:
    exports = headline(values).query("outcome == 'lnexport'")
    assert exports["inference"].tolist() == [
        "published",
        "iid",
        "cluster",
        "cluster_crv3",
        "wild_cluster_bootstrap",
        "permutation",
        "t",
        "posterior",
    ]
    att = values["outcomes"]["lnexport"]["models"]["did"]["att"]
    posterior = exports.iloc[-1]
    assert (posterior["estimate"], posterior["se"], posterior["p_positive"]) == (
        att["mean"],
        att["sd"],
        att["p_positive"],
    )


def test_the_interval_of_a_published_estimate_is_1_96_standard_errors_wide_on_each_side(values: Values) -> None:
    row = headline(values).iloc[0]
    assert row["lower"] == pytest.approx(0.218 - 1.96 * 0.0385, abs=1e-5)
    assert row["upper"] == pytest.approx(0.218 + 1.96 * 0.0385, abs=1e-5)
    assert "Author (2026), Table 3" in row["note"]


def test_an_unknown_method_is_kept_under_its_own_name(values: Values) -> None:
    rows = values["outcomes"]["lnexport"]["frequentist"]
    rows.insert(0, {"estimator": "matching", "inference": "bootstrap", "estimate": 0.1})
    methods = headline(values).query("outcome == 'lnexport'")["method"].tolist()
    assert methods[-2:] == ["matching, bootstrap", "Bayes, posterior"]


@pytest.mark.parametrize(
    ("name", "rows"), [("by_model", 4), ("by_unit", 12), ("by_event_time", 36), ("diagnostics", 4)]
)
def test_a_table_has_a_row_for_each_number_of_each_model(name: str, rows: int, values: Values) -> None:
    # by_event_time: did 4 after the onset, event_study 7 against each of two baselines, for two outcomes.
    assert len(TABLES[name](values)) == rows


def test_event_times_are_years_when_there_is_one_onset_and_not_otherwise(values: Values) -> None:
    table = TABLES["by_event_time"](values)
    assert (table["period"] == 2013 + table["event_time"]).all()
    for outcome in values["outcomes"].values():
        outcome["models"]["did"]["by_period"] = {"2014": {}}
    assert TABLES["by_event_time"](values)["period"].isna().all()


@pytest.mark.parametrize("kind", ["simulation", "reconstruction", "user", "official"])
def test_every_row_of_every_table_says_what_it_is_made_from(kind: str, values: Values) -> None:
    values["panel"]["kind"] = kind
    for table in TABLES.values():
        frame = table(values)
        assert set(frame["panel"]) == {kind}


def test_csv_keeps_every_digit_and_latex_carries_the_provenance(values: Values, tmp_path: Path) -> None:
    values["panel"]["kind"] = "simulation"
    mean = values["outcomes"]["lnexport"]["models"]["did"]["att"]["mean"] = 0.12345678901234567
    paths = write_tables(values, tmp_path)
    assert list(paths) == list(TABLES) == list(CAPTIONS)
    read = pd.read_csv(paths["by_model"])
    assert read["mean"].iloc[0] == mean
    for name in TABLES:
        text = (tmp_path / f"{name}.tex").read_text(encoding="utf-8")
        assert r"\toprule" in text
        assert "SIMULATED PANEL - not observations" in text


def test_the_latex_headline_fits_a_page_and_says_where_the_published_number_is_from(
    values: Values, tmp_path: Path
) -> None:
    write_tables(values, tmp_path)
    text = (tmp_path / "headline.tex").read_text(encoding="utf-8")
    head = next(line for line in text.splitlines() if line.startswith("label"))
    assert head.count("&") == 8
    assert r"Author (2026), Table 3; interval: estimate ± 1.96 s.e. " in text


def test_latex_escapes_what_latex_would_read_as_a_command(values: Values, tmp_path: Path) -> None:
    table = pd.DataFrame({"label": ["50% & $x_1$ {a} #2 ~ ^ \\input"], "mean": [-0.5], "panel": ["user"]})
    text = write_latex(table, tmp_path / "t.tex", r"A & B: 5% of \input", "t").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if "50" in line)
    assert re.sub(r"\\text\w+( |{})?|\\.", "", row.split(" & ")[0]).count("$") == 0
    assert r"50\% \& \$x\_1\$ \{a\} \#2" in row
    assert r"\caption{A \& B: 5\% of \textbackslash{}input}" in text
    assert "$-0.5000$" in row


def test_a_long_table_breaks_over_pages(tmp_path: Path) -> None:
    table = pd.DataFrame({"mean": np.arange(60.0)})
    assert r"\begin{longtable}" in write_latex(table, tmp_path / "t.tex", "c", "t").read_text(encoding="utf-8")


def test_tables_of_a_study_with_the_least_values_have_their_columns(values: Values) -> None:
    for outcome in values["outcomes"].values():
        for key in ("published", "frequentist", "event_study", "warnings"):
            outcome.pop(key)
        for model in outcome["models"].values():
            for key in list(model):
                if key not in ("att", "title", "card"):
                    model.pop(key)
    for name, table in TABLES.items():
        frame = table(values)
        assert "panel" in frame, name
    assert len(headline(values)) == 2
    assert TABLES["additional_trade"](values).empty


def test_same_values_same_bytes(values: Values, tmp_path: Path) -> None:
    first, second = write_tables(values, tmp_path / "a"), write_tables(values, tmp_path / "b")
    for name in TABLES:
        assert first[name].read_bytes() == second[name].read_bytes()
        assert first[name].with_suffix(".tex").read_bytes() == second[name].with_suffix(".tex").read_bytes()


def test_the_text_of_an_estimate_has_its_numbers_and_its_warnings(values: Values) -> None:
    outcome = values["outcomes"]["lnexport"]
    model = outcome["models"]["did"]
    bayes = {name: model[name] for name in ("att", "by_unit", "by_event_time")} | {"engine": "marginal"}
    text = estimate_text(
        {
            "panel": values["panel"] | {"kind": "user"},
            "outcome": "log(exports)",
            "model": "did",
            "treated": outcome["treated"],
            "bayes": bayes,
            "frequentist": outcome["frequentist"],
            "warnings": ["few clusters"],
        }
    )
    assert "User's own panel" in text
    bayes_row = next(line for line in text.splitlines() if line.startswith("Bayes"))
    assert bayes_row.split()[2:] == ["0.120", "0.210", "-0.292", "0.532", "0.716"]
    assert "KGZ" in text
    assert "Note: few clusters" in text


@pytest.mark.parametrize(
    ("lower", "upper", "p_positive", "verdict"),
    [
        (0.01, 0.5, 0.99, "above"),
        (-0.5, -0.01, 0.01, "below"),
        (-0.1, 0.5, 0.9, "leans up"),
        (-0.5, 0.1, 0.1, "leans down"),
        (-0.1, 0.5, 0.89, "open"),
        (0.0, 0.5, 0.5, "open"),
    ],
)
def test_the_verdict_follows_its_rule(lower: float, upper: float, p_positive: float, verdict: str) -> None:
    assert sentences.verdict({"lower": lower, "upper": upper, "p_positive": p_positive}) == verdict


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (-0.001, "0.00"), (-0.125, "−0.12"), (0.125, "+0.12"), (1234.5, "+1,234.50"), (0.004, "0.00")],
)
def test_a_signed_number_has_a_true_minus_and_no_signed_zero(value: float, text: str) -> None:
    assert sentences.signed(value, 2) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "$0"),
        (950.0, "$950"),
        (1.25e9, "$1.25 bn"),
        (-3e6, "−$3 m"),
        (999.9e6, "$1 bn"),
        (2.5e12, "$2.5 tn"),
        (1e10, "$10 bn"),
    ],
)
def test_dollars_are_short(value: float, text: str) -> None:
    assert sentences.dollars(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "over 99%"), (0.995, "over 99%"), (0.9949, "99%"), (0.5, "50%"), (0.0, "under 1%")]
)
def test_a_probability_is_never_0_or_100_percent(value: float, text: str) -> None:
    assert sentences.probability(value) == text


def test_units_are_countries_when_their_codes_are(values: Values) -> None:
    assert sentences.unit_noun(values) == "countries"
    values["panel"]["units"] = ["CA", "NY"]
    assert sentences.unit_noun(values) == "units"
    assert sentences.counted(1, "countries") == "one country"
    assert sentences.counted(13, "units") == "13 units"


@pytest.mark.parametrize(("scale", "digits"), [(1, 2), (0.1, 3), (1000, 2)])
def test_effects_in_logs_have_two_decimals_and_more_when_the_interval_is_narrow(
    scale: float, digits: int, values: Values
) -> None:
    outcome = values["outcomes"]["lnexport"]
    att = outcome["models"]["did"]["att"]
    outcome["models"]["did"]["att"] = {name: scale * number for name, number in att.items()}
    assert sentences.decimals(outcome) == digits
    if scale == 1000:
        outcome["transform"] = "none"
        assert sentences.decimals(outcome) == 0
