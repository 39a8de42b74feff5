"""Do the figures say what the numbers say, on every kind of panel and of study?"""

from __future__ import annotations

import copy
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import SECTIONS
from bri_bayes.frequentist.collapsed import UNBALANCED
from bri_bayes.frequentist.many import COLLAPSED_T
from bri_bayes.presentation import sentences
from bri_bayes.presentation.study_tables import COLLAPSED, METHODS
from bri_bayes.report import brief_sentences
from bri_bayes.report.figures import (
    FIGURES,
    available,
    comparison,
    draw_all,
    drawn_as_png,
    moderation,
    placebo_paper,
    power,
    theme,
)  # fmt: skip
from bri_bayes.report.figures.theme import save, style, wrapped
from quick_run import as_official, with_spans

Values = dict[str, Any]
# They show units and covariates, whatever the outcome.
OF_NO_OUTCOME = ("propensity_prior", "overlap", "love_plot", "match_weights")
# Drawn from the panels that are rebuilt from the paper's tables, whatever the panel of the study.
OF_THE_PAPER = ("category_levels", "category_growth", "published_event_study", "fake_groups")
# Banner and source come from ``values["panel"]``, which a figure hands on as it is. Every figure is asked whether it
# does, of a simulation and of official data; what other kinds say, of one of the answer and one of the categories.
OF_OTHER_KINDS = pytest.mark.parametrize("name", ["forest", "category_effects"])
OF_THE_STUDY = pytest.mark.parametrize("name", [name for name in FIGURES if name not in OF_THE_PAPER])
HOSTILE = "<script>alert(1)</script> $x^2$ 出口"
# The budget of the design is 6 s for all figures on two idle cores; the test machine may be busy.
SECONDS = 30


@pytest.fixture
def values(values: Values) -> Values:
    """Of the quick run, with what every figure needs."""
    return with_spans(values)


def _svg_text(path: Path) -> str:
    """All words of an SVG, with single spaces."""
    return " ".join(" ".join(ET.parse(path).getroot().itertext()).split())


def _words(figure: Figure) -> str:
    """All words of a figure as it is drawn, with single spaces; quicker than an SVG."""
    with style():
        figure.draw_without_rendering()
    return " ".join(" ".join(text.get_text() for text in figure.findobj(Text) if text.get_visible()).split())


def _drawn(values: Values, name: str) -> str:
    return _words(FIGURES[name](values))


def _provenance(values: Values, name: str) -> str:
    """The words of a figure before it is drawn: those of its banner and its source, without the ticks of axes."""
    return " ".join(" ".join(text.get_text() for text in FIGURES[name](values).findobj(Text)).split())


def _nameless_axes(figure: Figure) -> list[str]:
    """Axes of a drawn figure with tick labels that neither themselves nor a panel of their row or column names."""
    drawn = [ax for ax in figure.axes if ax.get_visible() and ax.axison]
    nameless = []
    for ax in drawn:
        place = ax.get_subplotspec()
        below = [other for other in drawn if other.get_subplotspec().colspan == place.colspan]
        beside = [other for other in drawn if other.get_subplotspec().rowspan == place.rowspan]
        told = [text.get_text() for text in ax.get_xticklabels() if text.get_visible() and text.get_text()]
        shared = [other for other in below if np.allclose(other.get_xlim(), ax.get_xlim(), atol=0.3)]
        if told and not any(other.get_xlabel() for other in shared) and any(map(_is_number, told)):
            nameless.append(f"x of {ax.get_title(loc='left')}: {told}")
        told = [text.get_text() for text in ax.get_yticklabels() if text.get_visible() and text.get_text()]
        if told and all(map(_is_number, told)) and not any(other.get_ylabel() for other in beside):
            nameless.append(f"y of {ax.get_title(loc='left')}: {told}")
    return nameless


def _is_number(text: str) -> bool:
    return any(char.isdigit() for char in text.replace("alert(1)", "").replace("x^2", ""))


@dataclass(frozen=True)
class Drawing:
    """A figure of the quick run as a file, its panel a simulation and its outcome named ``HOSTILE``."""

    name: str
    values: Values
    path: Path
    nameless_axes: list[str]


# Each figure is drawn once for all that is asked of the file; pytest keeps what asks for one figure together.
@pytest.fixture(scope="module", params=list(FIGURES))
def drawing(request: pytest.FixtureRequest, quick_run: Values, tmp_path_factory: pytest.TempPathFactory) -> Drawing:
    name, values = request.param, with_spans(as_official(quick_run))
    values["panel"]["kind"] = "simulation"
    for outcome in (values["outcomes"]["lnexport"], *values["categories"]["outcomes"].values()):
        outcome["label"] = HOSTILE
    figure = FIGURES[name](values)
    path = save(figure, tmp_path_factory.mktemp("drawn"), name)
    return Drawing(name, values, path, _nameless_axes(figure))


def test_every_figure_of_a_simulated_panel_says_so_twice(drawing: Drawing) -> None:
    kind = "RECONSTRUCTED" if drawing.name in OF_THE_PAPER else "SIMULATED"
    assert _svg_text(drawing.path).count(f"{kind} PANEL - not observations") == 2


def test_same_values_same_bytes(drawing: Drawing, tmp_path: Path) -> None:
    second = save(FIGURES[drawing.name](copy.deepcopy(drawing.values)), tmp_path, drawing.name)
    assert drawing.path.read_bytes() == second.read_bytes()


def test_labels_with_markup_dollars_and_foreign_signs_are_only_text(drawing: Drawing) -> None:
    assert "<script" not in drawing.path.read_text(encoding="utf-8")
    shown = [HOSTILE in _svg_text(drawing.path).replace("\n", " ")]
    assert shown == [drawing.name not in (*OF_NO_OUTCOME, *OF_THE_PAPER)]


# The vertical axes of small panels have their unit in the heading of the block.
def test_every_axis_has_a_label_with_its_unit(drawing: Drawing) -> None:
    nameless = drawing.nameless_axes
    if drawing.name in ("paths", "expected_paths"):
        assert "US dollars" in _svg_text(drawing.path)
        nameless = [axis for axis in nameless if axis.startswith("x")]
    assert nameless == []


@OF_OTHER_KINDS
def test_a_figure_of_a_reconstructed_panel_says_so_twice(name: str, values: Values) -> None:
    values["panel"]["kind"] = "reconstruction"
    assert _provenance(values, name).count("RECONSTRUCTED PANEL - not observations") == 2


@OF_THE_STUDY
def test_a_figure_of_official_data_names_its_source_and_no_simulation(name: str, values: Values) -> None:
    text = _provenance(values, name)
    assert "Source: an office" in text
    assert "not observations" not in text


@OF_OTHER_KINDS
def test_a_figure_of_a_users_panel_says_that_nobody_checked_it(name: str, values: Values) -> None:
    values["panel"]["kind"] = "user"
    assert "User's own panel, not checked" in _provenance(values, name)


@pytest.mark.parametrize("kind", ["official", "user", "simulation"])
@pytest.mark.parametrize("name", OF_THE_PAPER)
def test_a_figure_of_the_paper_s_tables_is_a_reconstruction_whatever_the_panel(
    name: str, kind: str, values: Values
) -> None:
    values["panel"]["kind"] = kind
    text = _provenance(values, name)
    assert text.count("RECONSTRUCTED PANEL - not observations") == 2
    assert "data/published" in text
    assert "an office" not in text


def test_the_figures_of_the_paper_s_tables_say_their_numbers_in_the_title(values: Values) -> None:
    levels, growth, study, fake = (_drawn(values, name) for name in OF_THE_PAPER)
    assert "The share of the paper's three main categories rises from 48% of trade in 2003 to 65% in 2023" in levels
    assert "7 of 7 categories grow faster after 2012; the largest change is +5.4 points a year" in growth
    outcomes = values["replication"]["outcomes"]
    path = outcomes["lnexport"]["event_study"]["last year before the onset"]
    since = sum(point["lower"] > 0 or point["upper"] < 0 for point in path if point["event_time"] >= 0)
    assert f"and {since} of 6 since (exports)" in study
    for name, word in (("lnexport", "exports"), ("lnimport", "imports")):
        share = outcomes[name]["fake_groups"]["pools"]["all units"]["as_large"]
        assert f"{100 * share:.0f}% ({word})" in fake


def test_the_title_of_the_fake_groups_follows_their_share(values: Values) -> None:
    values["replication"]["outcomes"]["lnexport"]["fake_groups"]["pools"]["all units"]["as_large"] = 0.61
    assert "61% (exports)" in _drawn(values, "fake_groups")


def test_the_title_of_category_growth_counts_what_slows_down(values: Values) -> None:
    for entry in values["replication"]["categories"]["table"]:
        if (entry["variable"], entry["column"]) == ("aerospace", "growth_2013_2023_pct"):
            entry["reproduced"] = 1.0
    assert "6 of 7 categories grow faster" in _drawn(values, "category_growth")


def test_the_title_changes_when_the_interval_leaves_zero_out(values: Values) -> None:
    exports, imports = (outcome["models"]["did_shared"]["att"] for outcome in values["outcomes"].values())
    exports |= {"mean": 0.12, "sd": 0.21, "lower": -0.29, "upper": 0.53, "p_positive": 0.72}
    imports |= {"mean": 0.5, "sd": 0.1, "lower": 0.3, "upper": 0.7, "p_positive": 1.0}
    text = _drawn(values, "comparison")
    assert "Exports: +0.12, not told from zero (95% interval −0.29 to 0.53)" in text
    assert "Imports: +0.50 stands above zero (95% interval 0.30 to 0.70)" in text
    assert "Exports: not told from zero; Imports: above zero" in text
    imports |= {"lower": -0.1, "p_positive": 0.95}
    text = _drawn(values, "comparison")
    assert "Imports: +0.50 leans up, but zero is not ruled out (95% interval −0.10 to 0.70)" in text


def test_the_comparison_prints_each_method_with_its_interval(values: Values) -> None:
    text = _drawn(values, "comparison")
    for words in ("Published", "TWFE, ordinary s.e.", "TWFE, clustered s.e.", "Before and after, exact t", "Bayes"):
        assert words in text
    assert "0.14 to 0.29" in text  # 0.218 -+ 1.96 * 0.0385
    assert "Author (2026), Table 3" in text


def test_a_test_that_is_not_exact_keeps_its_row_in_the_comparison(values: Values) -> None:
    for outcome in values["outcomes"].values():
        row = next(row for row in outcome["frequentist"] if row["estimator"] == "collapsed")
        row |= {"note": f"{UNBALANCED}: period effects taken out before the means", "lower": -7.25, "upper": 8.5}
    text = _drawn(values, "comparison")
    assert "Before and after, t" in text
    assert "exact" not in text
    assert text.count("−7.25 to 8.50") == len(values["outcomes"])


def test_the_forest_has_a_row_for_every_treated_unit_and_its_height_grows_with_them(values: Values) -> None:
    small = FIGURES["forest"](values)
    labels = [label.get_text() for label in small.axes[0].get_yticklabels()]
    means = values["outcomes"]["lnexport"]["models"]["did_shared"]["by_unit"]
    units = sorted(means, key=lambda unit: -means[unit]["mean"])
    names = [values["unit_names"][unit] for unit in units]
    assert labels == ["Published", "TWFE, clustered s.e.", "Bayes, posterior", *names]
    _many_units(values, 40)
    large = FIGURES["forest"](values)
    assert large.get_figheight() > small.get_figheight() + 8
    assert len(large.axes[0].get_yticks()) == 43


def test_the_paths_of_many_units_show_the_20_largest_and_say_so(values: Values) -> None:
    _many_units(values, 30)
    figure = FIGURES["paths"](values)
    assert sum(ax.axison for ax in figure.axes) == 2 * 20
    text = _words(figure)
    assert "The 20 largest of 30 treated units are shown" in text
    assert "U00" in text
    assert "U29" not in text  # the smallest


@pytest.mark.parametrize("name", ["paths", "prior_predictive"])
def test_rows_of_a_simulation_are_not_called_observed(name: str, values: Values) -> None:
    words = {}
    for kind in ("official", "simulation", "reconstruction"):
        values["panel"]["kind"] = kind
        words[kind] = [text.get_text() for text in FIGURES[name](values).legends[0].get_texts()]
    assert "observed" in words["official"]
    assert "simulated" in words["simulation"]
    assert "reconstructed" in words["reconstruction"]
    assert not {"observed"} & {*words["simulation"], *words["reconstruction"]}


def test_the_title_over_the_paths_and_the_sentences_count_alike(values: Values) -> None:
    outcomes = values["outcomes"]
    for place, outcome in enumerate(outcomes.values()):
        for path in outcome["models"]["did_shared"]["counterfactual"].values():
            for cell in path.values():
                if sentences.is_open(cell):
                    cell["observed"] = cell["mean"] if place else cell["upper"] + 1
    assert sentences.in_band(values, [outcomes["lnexport"]]).startswith("0 of ")
    assert sentences.in_band(values, [outcomes["lnimport"]]).startswith("all ")
    for name, outcome in outcomes.items():
        count = sentences.in_band(values, [outcome])
        assert count in sentences.paths(values, outcome)
        assert any(count in text for text in brief_sentences.paths(values) if text.startswith(outcome["label"])), name
    assert sentences.in_band(values, outcomes.values()) in _words(FIGURES["paths"](values))


@pytest.mark.parametrize(("times", "said"), [(0, "0 times"), (1, "once"), (2, "2 times")])
def test_the_placebos_of_the_paper_say_how_often_the_actual_group_was_drawn(
    times: int, said: str, values: Values
) -> None:
    for outcome in values["placebo"]["outcomes"].values():
        outcome["space"]["paper_figure"]["observed_drawn"] = times
    for text in placebo_paper.caption(values):
        assert f"groups, the actual one {said}; " in text


@pytest.mark.parametrize("kind", ["official", "simulation", "reconstruction"])
def test_the_range_of_a_moderator_is_the_panels_whatever_it_is_made_from(kind: str, values: Values) -> None:
    values["panel"]["kind"] = kind
    for text in moderation.caption(values):
        assert "over the panel's range of" in text
        assert "observed" not in text


def test_the_paths_label_logs_with_levels(values: Values) -> None:
    path = values["outcomes"]["lnexport"]["models"]["did_shared"]["counterfactual"]["KAZ"]
    for place, cell in enumerate(path.values()):  # million US dollars: from 8.1 to 16.6 billion
        cell.update(dict.fromkeys(("observed", "mean", "lower", "upper"), 9 + 0.08 * place))
    kazakhstan = FIGURES["paths"](values).axes[1]
    labels = [label.get_text() for label in kazakhstan.get_yticklabels()]
    ticks = dict(zip(labels, kazakhstan.get_yticks(), strict=True))
    assert ticks["10 bn"] == pytest.approx(np.log(1e4))
    assert all(" " in label for label in ticks)


def test_a_path_with_a_missing_year_has_a_gap(values: Values) -> None:
    del values["outcomes"]["lnexport"]["models"]["did_shared"]["counterfactual"]["KAZ"]["2009"]
    lines = FIGURES["paths"](values).axes[1].get_lines()
    observed = next(line for line in lines if len(line.get_xdata()) == 10)
    missing = np.isnan(np.asarray(observed.get_ydata(), dtype=float)).tolist()
    assert missing == [False, False, True, *[False] * 7]


def test_the_event_study_names_the_method_where_two_say_different_things(values: Values) -> None:
    for outcome in values["outcomes"].values():
        _leave_out(outcome["models"]["event_study"]["by_event_time"].values(), out=False)
        # Event time -1 is zero by definition.
        _leave_out([point for point in outcome["event_study"] if point["event_time"] != -1], out=False)
    text = _drawn(values, "event_study")
    assert "None of 8 effects of single years after the onset is told apart from zero; before it, none of 12 is" in text
    last = values["outcomes"]["lnimport"]["event_study"][-1]
    _leave_out([last], out=True)
    text = _drawn(values, "event_study")
    assert "Bayes: none of 8 after the onset, none of 12 before it" in text
    assert "Least squares with clustered intervals" in text
    assert "1 of 8 after the onset, none of 10 before it" in text


def test_a_figure_names_the_policy_where_the_study_does(values: Values) -> None:
    assert "without the policy" in _drawn(values, "paths")
    values["study"]["policy"] = "the Silk Road"
    for name in ("paths", "additional_trade", "placebo_predictive", "prior_predictive"):
        assert "the Silk Road" in _drawn(values, name)


def test_the_event_study_counts_the_years_that_leave_zero_out(values: Values) -> None:
    for name, outcome in values["outcomes"].items():
        outcome["event_study"] = []
        path = outcome["models"]["event_study"]["by_event_time"]
        _leave_out(path.values(), out=False)
        _leave_out([path[time] for time in path if int(time) >= 0], out=name == "lnimport")
    text = _drawn(values, "event_study")
    assert "4 of 8 effects of single years after the onset are told apart from zero; before it, none of 12 is" in text
    assert "Against the last year before the onset" in text
    assert "Against the pre-period average" in text


def test_with_several_onsets_the_event_study_has_no_calendar_years(values: Values) -> None:
    for outcome in values["outcomes"].values():
        outcome["onsets"] = {unit: outcome["onset"] + number for number, unit in enumerate(outcome["treated"])}
    text = _drawn(values, "event_study")
    assert "Years since the onset" in text
    assert "2013" not in text


def test_additional_trade_counts_years_for_each_outcome(values: Values) -> None:
    for name, outcome in values["outcomes"].items():
        years = outcome["models"]["did_shared"]["additional_trade_usd"].values()
        _leave_out(years, out=name == "lnimport", size=1e10)
    text = _drawn(values, "additional_trade")
    assert "Exports: 0 of 4 years; Imports: 4 of 4 years" in text
    assert "$12 bn" in text


def test_the_truth_of_a_simulation_is_drawn_and_that_of_an_observed_panel_is_not(values: Values) -> None:
    for outcome in values["outcomes"].values():
        outcome["truth"] = {"att": 0.3}
    assert "true effect" not in _drawn(values, "comparison")
    values["panel"]["kind"] = "simulation"
    figure = FIGURES["comparison"](values)
    assert "true effect" in _words(figure)
    assert any(list(line.get_xdata()) == [0.3, 0.3] for line in figure.axes[0].get_lines())


def test_a_study_without_the_optional_values_still_has_figures(values: Values, tmp_path: Path) -> None:
    bare = _bare(values)
    assert available(bare) == ("comparison", "forest", "event_study")
    assert set(draw_all(bare, tmp_path)) == set(available(bare))
    with pytest.raises(InputError, match='"paths" needs an outcome whose card shown first has "counterfactual"'):
        FIGURES["paths"](bare)


def test_an_outcome_without_a_fitted_model_is_left_out(values: Values, tmp_path: Path) -> None:
    values["outcomes"]["lnimport"] |= {"models": {}, "main": None, "power": None}
    for name in SECTIONS:
        values.pop(name, None)
    for name in draw_all(values, tmp_path):
        assert "Imports" not in _svg_text(tmp_path / f"{name}.svg")


def test_more_processes_draw_the_same_bytes(values: Values, tmp_path: Path) -> None:
    bare = _bare(values)
    alone, shared = (draw_all(bare, tmp_path / to, png=True, jobs=jobs) for to, jobs in (("a", 1), ("b", 2)))
    assert list(alone) == list(shared) == list(available(bare))
    for name, path in alone.items():
        assert path.read_bytes() == shared[name].read_bytes()
        assert path.with_suffix(".png").read_bytes() == shared[name].with_suffix(".png").read_bytes()


def test_a_png_changes_no_svg_beside_it_and_is_what_a_word_file_holds(values: Values, tmp_path: Path) -> None:
    alone = save(FIGURES["forest"](values), tmp_path / "a", "forest")
    beside = save(FIGURES["forest"](values), tmp_path / "b", "forest", png=True)
    assert alone.read_bytes() == beside.read_bytes()
    assert not alone.with_suffix(".png").exists()
    assert beside.with_suffix(".png").read_bytes() == drawn_as_png(values, "forest")


def test_a_number_stays_beside_what_it_is_of() -> None:
    assert wrapped("the largest change in a year: p\u00a00.743", 0.5, 10.0)[-1] == "p\u00a00.743"


def test_wrapped_lines_are_no_wider_than_their_place_and_lose_no_word() -> None:
    text = "With five treated countries neither effect can be told from zero, whatever the method " * 3
    lines = wrapped(text, 3.0, 10.0)
    assert " ".join(lines).split() == text.split()
    assert len(lines) > 4


def test_figures_are_imported_without_matplotlib() -> None:
    code = (
        "import sys; from bri_bayes.report.figures import FIGURES; "
        "assert list(FIGURES); assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_run_with_every_section_has_every_figure(values: Values) -> None:
    assert list(available(values)) == list(FIGURES)


def test_all_figures_are_drawn_within_their_budget(
    values: Values, tmp_path: Path, within: Any, request: pytest.FixtureRequest
) -> None:
    if not request.config.getoption("speed"):
        pytest.skip("a limit in seconds, which make bench enforces; each figure is drawn by other tests")
    with within(SECONDS):
        paths = draw_all(values, tmp_path)
    assert list(paths) == list(FIGURES)
    assert all(path.is_file() and not path.with_suffix(".png").exists() for path in paths.values())


def _leave_out(effects: Iterable[Values], *, out: bool, size: float = 1.0) -> None:
    """Give the effects intervals that exclude zero, or that hold it."""
    for effect in effects:
        effect |= {"mean": size, "estimate": size, "sd": size, "lower": 0.5 * size if out else -size, "upper": 2 * size}


def _bare(values: Values) -> Values:
    """Only what a study must have: an outcome in levels, without other estimates."""
    for outcome in values["outcomes"].values():
        for key in ("published", "frequentist", "event_study", "warnings", "truth", "onset", "power"):
            outcome.pop(key, None)
        outcome |= {"transform": "none", "units": None}
        for model in outcome["models"].values():
            for key in ("percent", "counterfactual", "additional_trade_usd", "baseline", "parameters", "by_period"):
                model.pop(key, None)
    for name in ("unit_names", *SECTIONS):
        values.pop(name, None)
    values["panel"] |= {"label": None, "sources": [], "kind": "user"}
    return values


def _many_units(values: Values, count: int) -> None:
    """``count`` treated units instead of three, the first the largest."""
    units = [f"U{number:02d}" for number in range(count)]
    values["panel"]["units"] = units
    for outcome in values["outcomes"].values():
        outcome["treated"] = units
        model = outcome["models"]["did_shared"]
        model["by_unit"] = dict.fromkeys(units, model["by_unit"]["KAZ"])
        path = model["counterfactual"]["KAZ"]
        model["counterfactual"] = {
            unit: {year: {name: level - 0.1 * rank for name, level in cell.items()} for year, cell in path.items()}
            for rank, unit in enumerate(units)
        }


def test_where_onsets_differ_the_average_by_imputation_stands_for_the_two_periods(values: Values) -> None:
    before = _words(FIGURES["comparison"](values))
    for outcome in values["outcomes"].values():
        for row in outcome["frequentist"]:
            if row["estimator"] == "collapsed":
                row |= {"estimate": None, "lower": None, "upper": None, "note": "the onsets differ (2008, 2010)"}
    after = _words(FIGURES["comparison"](values))
    assert ("Before and after" in before, "Imputation" in before) == (True, False)
    assert ("Before and after" in after, "Imputation" in after) == (False, True)
    assert "– to –" not in after


# Synthetic control and factor model, other pools, a drift or a share that is learned, a mixture of models.
OF_A_SECOND_MODEL = {
    "category_differences",
    "contamination",
    "control_pool",
    "expected_paths",
    "honest_walk",
    "model_scores",
    "wide_pool",
}


def test_the_share_of_all_groups_is_a_count_in_the_caption_as_in_the_title(values: Values) -> None:
    from bri_bayes.report.figures.placebo_space import caption

    for outcome, text in zip(values["placebo"]["outcomes"].values(), caption(values), strict=True):
        space = outcome["space"]
        assert f"comes from {round(space['p_value'] * space['n'])} of all {space['n']} groups" in text


def test_the_mark_of_a_sensitivity_of_zero_is_whole(values: Values) -> None:
    lines = [line for ax in FIGURES["prior_sensitivity"](values).axes for line in ax.lines]
    dots = [line for line in lines if line.get_marker() == "o" and min(line.get_xdata(), default=1) < 0.01]
    assert dots
    assert not any(line.get_clip_on() for line in dots)


def test_purple_is_a_second_model_and_nothing_else():
    folder = Path(theme.__file__).parent
    assert {path.stem for path in folder.glob("*.py") if "theme.PURPLE" in path.read_text()} == OF_A_SECOND_MODEL


def test_a_method_has_one_name_and_one_colour_in_every_figure():
    # It is exact where every cell is observed; simulated panels have the rows of the study's.
    name = METHODS[COLLAPSED].replace("exact ", "")
    assert power.TESTS[COLLAPSED_T] == (name, *comparison.MARKS[COLLAPSED[1]])


def test_an_axis_that_lost_its_label_is_named(values: Values, tmp_path: Path) -> None:
    figure = FIGURES["pretrend"](values)
    for ax in figure.axes:
        ax.set_xlabel("")
    save(figure, tmp_path, "pretrend")
    assert [axis.partition(" of ")[0] for axis in _nameless_axes(figure)] == ["x"] * len(figure.axes)


def test_of_many_units_left_out_those_that_move_the_answer_most_are_shown(values: Values) -> None:
    outcome = next(iter(values["controls"]["outcomes"].values()))
    main = outcome["main"]["att"]
    few = _drawn(values, "control_pool")
    assert "are shown" not in few
    outcome["leave_one_out"] += [
        {**outcome["leave_one_out"][0], "without": f"U{number}", "att": main | {"mean": main["mean"] + number / 100}}
        for number in range(40)
    ]
    text = _drawn(values, "control_pool")
    assert "Of units left out the 30 that move the answer most are shown" in text
    assert "without U39" in text
    assert "without U1 " not in text
    counts = [int(re.search(r"of (\d+) comparisons", said)[1]) for said in (few, text)]
    assert counts[1] == counts[0] + 40


def test_two_statements_with_one_share_are_not_called_the_most_probable_one(values: Values) -> None:
    pair = next(iter(values["joint"]["outcomes"].values()))
    pair["quadrants"] = {
        "both_up": 0.458, "first_up_second_not": 0.456, "second_up_first_not": 0.02, "neither_up": 0.066,
    }  # fmt: skip
    assert "Of four statements none reaches 95%: 2 are the most probable, with 46% each" in _drawn(values, "joint")


def test_without_a_claim_the_years_before_the_onset_name_none(values: Values) -> None:
    assert "half of the claim" in _drawn(values, "pretrend")
    for outcome in values["pretrends"]["outcomes"].values():
        outcome["pretrend"] |= {"claim": None, "claim_slope": None}
    assert "claim" not in _drawn(values, "pretrend")
