"""Mirror data and gravity on simulated flows: are their intervals and tests as honest as the page says?"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.special import digamma

from bri_bayes.evaluation import gravity_size, level_coverage, mirror_coverage
from bri_bayes.evaluation.gravity_size import rejections
from bri_bayes.evaluation.mirror_coverage import EFFECT, reported_panel

PAGE = Path(__file__).resolve().parents[2] / "docs" / "calibration.md"
# Standard errors of a simulation.
MONTE_CARLO = 4.5


def share_error(share: float, panels: int) -> float:
    return float(np.sqrt(max(share * (1 - share), 0.01) / panels))


def table(name: str) -> dict[tuple[str, ...], list[float]]:
    """The rows of a table of the page: the words that name a row -> its numbers."""
    text = re.search(rf"<!-- {name} -->\n(.*?)<!-- end {name} -->", PAGE.read_text(), re.DOTALL)
    assert text is not None
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text[1].strip().splitlines()[2:]]
    words = 1 if name == "gravity" else 2
    return {tuple(row[:words]): [float(cell) for cell in row[words:]] for row in rows}


def test_both_reports_together_cover_the_effect_without_bias() -> None:
    panels = 5
    (both,), noise = mirror_coverage.mirror_coverage(mirror_coverage.SITUATIONS[0], panels, 5, alone=())
    assert both.coverage >= 0.95 - MONTE_CARLO * share_error(0.95, panels)
    assert abs(both.bias) < MONTE_CARLO * both.bias_se
    assert noise.mean[1] == pytest.approx(0.4, abs=0.06)


def test_a_simulated_panel_has_the_noises_and_the_correlation_that_it_was_asked_for() -> None:
    situation = mirror_coverage.SITUATIONS[2]
    truths, gaps = [], []
    for seed in range(100):
        made, _, truth = reported_panel(situation, np.random.default_rng(seed))
        first, second, flow = (made[name].to_numpy() for name in ("first", "second", "y"))
        gap = second - flow
        gap = gap - gap.mean(axis=1, keepdims=True) - gap.mean(axis=0) + gap.mean()
        noise = first - flow
        noise = noise - noise.mean(axis=1, keepdims=True) - noise.mean(axis=0) + noise.mean()
        gaps.append([gap.std(), noise.std(), np.corrcoef(gap.ravel(), noise.ravel())[0, 1]])
        truths.append(truth)
    shrunk = np.sqrt((8 / 9) * (11 / 12))
    assert np.mean(gaps, axis=0) == pytest.approx([0.3 * shrunk, 0.3 * shrunk, 0.5], abs=0.02)
    assert np.mean(truths) == pytest.approx(EFFECT, abs=0.02)


def test_without_an_effect_the_placebo_rejects_as_often_as_it_says_and_clustered_errors_more() -> None:
    panels = 40
    answer = rejections(gravity_size.SITUATIONS[0], panels, 5)
    assert answer.placebo <= 0.05 + MONTE_CARLO * share_error(0.05, panels)
    assert answer.clustered > 0.05
    assert 0.4 < answer.error_share < 0.95


def test_a_logarithm_is_biased_where_the_policy_makes_flows_restless_and_ppml_is_not() -> None:
    panels = 40
    rows = {
        row.by: row for row in level_coverage.level_coverage(level_coverage.SITUATIONS[3], panels, 9, cards=()).rows
    }
    logarithm, ppml = rows["TWFE of the logarithm, clustered"], rows["PPML, clustered (CRV1)"]
    # The logarithm of a gamma variable of mean one and variance s^2: digamma(1 / s^2) + log s^2, at 0.9 less at 0.3.
    known = float(digamma(1 / 0.81) + np.log(0.81) - digamma(1 / 0.09) - np.log(0.09))
    assert logarithm.bias == pytest.approx(known, abs=MONTE_CARLO * logarithm.bias_se)
    assert abs(ppml.bias) < MONTE_CARLO * ppml.bias_se
    assert logarithm.coverage < 0.75


@pytest.mark.calibration
@pytest.mark.parametrize("situation", level_coverage.SITUATIONS, ids=lambda situation: situation.name)
def test_the_page_tells_how_often_intervals_of_levels_hold_the_effect(situation: level_coverage.Flows) -> None:
    panels = 60
    for row in level_coverage.level_coverage(situation, panels, 79).rows:
        coverage, bias, length = table("levels")[row.situation, row.by]
        error = np.hypot(share_error(coverage, panels), share_error(coverage, 100))
        assert row.coverage == pytest.approx(coverage, abs=MONTE_CARLO * error)
        assert row.bias == pytest.approx(bias, abs=MONTE_CARLO * row.bias_se * np.sqrt(1 + panels / 100))
        assert row.length == pytest.approx(length, rel=0.25)


@pytest.mark.calibration
@pytest.mark.parametrize("situation", gravity_size.SITUATIONS, ids=lambda situation: situation.name)
def test_the_page_tells_how_often_gravity_sees_a_policy_that_is_not_there(situation: gravity_size.Flows) -> None:
    panels = 300
    answer = rejections(situation, panels, 77)
    clustered, placebo, share = table("gravity")[situation.name,]
    for told, simulated in ((clustered, answer.clustered), (placebo, answer.placebo)):
        error = np.hypot(share_error(told, panels), share_error(told, 500))
        assert simulated == pytest.approx(told, abs=MONTE_CARLO * error)
    assert answer.error_share == pytest.approx(share, rel=0.25)


@pytest.mark.calibration
@pytest.mark.parametrize("situation", mirror_coverage.SITUATIONS, ids=lambda situation: situation.name)
def test_the_page_tells_how_often_mirror_intervals_hold_the_effect(situation: mirror_coverage.Reported) -> None:
    panels = 60
    rows, _ = mirror_coverage.mirror_coverage(situation, panels, 78)
    for row in rows:
        coverage, bias, length = table("mirror")[row.situation, row.by]
        error = np.hypot(share_error(coverage, panels), share_error(coverage, 100))
        assert row.coverage == pytest.approx(coverage, abs=MONTE_CARLO * error)
        assert row.bias == pytest.approx(bias, abs=MONTE_CARLO * row.bias_se * np.sqrt(1 + panels / 100))
        assert row.length == pytest.approx(length, rel=0.2)
