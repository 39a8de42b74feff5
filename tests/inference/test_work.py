"""Is the work of a fit known before it starts, and does chunking leave the answer alone?"""

from __future__ import annotations

import dataclasses
import sys
import time
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from bri_bayes.app import long_panels
from bri_bayes.app.estimate import estimate
from bri_bayes.app.request import Request, question
from bri_bayes.cli.start import main
from bri_bayes.core.errors import InputError
from bri_bayes.design.design import build_design
from bri_bayes.inference import batched_algebra, collapsed, work
from bri_bayes.inference.importance import KHAT_LIMIT, sample_by_importance
from bri_bayes.study.model_card import load_card, model_names


def _request(folder, n_units, n_periods, **options):
    rng = np.random.default_rng(3)
    unit, period = np.repeat(np.arange(n_units), n_periods), np.tile(np.arange(1, n_periods + 1), n_units)
    treated = ((unit < max(2, n_units // 3)) & (period > n_periods // 2)).astype(int)
    rows = {"unit": [f"u{i}" for i in unit], "period": period, "d": treated, "y": rng.normal(size=unit.size) + treated}
    pd.DataFrame(rows).to_csv(folder / "panel.csv", index=False)
    named = {"outcome": "y", "unit": "unit", "period": "period", "treatment": "d"}
    return Request(path=folder / "panel.csv", **named, **options)


def test_a_long_panel_comes_in_bins_that_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(long_panels, "_SECONDS", 0.2)
    values = estimate(_request(tmp_path, 6, 90, model="did"))
    assert any("90 periods are averaged into 30 bins of 3" in note for note in values["warnings"])
    assert len(values["panel"]["periods"]) < 90


def test_a_panel_of_many_periods_is_refused_where_no_bins_are_wanted(tmp_path):
    with pytest.raises(InputError, match=r"9 units in 1,200 periods .* minutes .*GB are allowed: .*--window"):
        estimate(_request(tmp_path, 9, 1200, window=1))


def test_bins_wider_than_the_panel_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"--window is a number of periods from 1 to 5 .* not 12"):
        estimate(_request(tmp_path, 6, 20, window=12))


def test_a_panel_of_thousands_of_units_is_short_work_by_classes_and_hours_by_coefficients(tmp_path):
    asked = question(_request(tmp_path, 6_000, 10))
    design = build_design(asked.panel, asked.assignment, _shared())
    route = work.plan(design, _shared())
    assert route.by_classes
    assert not route.in_detail
    assert route.work.allowed
    assert work.expected_work(design, _shared()).seconds > 3600


def test_units_that_differ_in_covariates_are_short_work_and_those_with_gaps_everywhere_are_refused(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(work, "MOST_SECONDS", 5.0)
    asked = question(_request(tmp_path, 500, 10))
    card = dataclasses.replace(_shared(), covariates=("x",))
    rng = np.random.default_rng(1)
    panel = asked.panel.assign(x=(asked.panel["y"].dims, rng.normal(size=asked.panel["y"].shape)))
    assert work.plan(build_design(panel, asked.assignment, card), card).by_classes
    gaps = panel.assign(y=panel["y"].where(rng.random(panel["y"].shape) < 0.7))
    with pytest.raises(InputError, match=r"500 units in 10 periods .* are allowed: name fewer units"):
        work.plan(build_design(gaps, asked.assignment, card), card)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"model": "did_scale_by_unit"},
            r', which has no closed form for the card "did_scale_by_unit" on them; at most',
        ),
        (
            {"model": "did", "engine": "nuts"},
            r"NUTS would take about \d+ minutes and [\d.]+ GB for 5,000 units in 20 p",
        ),
        ({"groups": "unit", "model": "did_shared"}, r"5,000 units in 20 periods .* name fewer units with --controls"),
    ],
)
def test_thousands_of_units_without_a_short_route_are_refused_before_anything_starts(tmp_path, options, said):
    started = time.process_time()
    with pytest.raises(InputError, match=said) as refused:
        estimate(_request(tmp_path, 5_000, 20, **options))
    assert "--model did" in str(refused.value)
    assert time.process_time() - started < 20


def test_a_command_that_would_sample_for_hours_ends_with_status_2_and_one_sentence(tmp_path, capsys):
    path = _request(tmp_path, 5_000, 20).path
    named = ["--outcome", "y", "--unit", "unit", "--period", "period", "--treatment", "d", "--engine", "nuts"]
    with patch.object(sys, "argv", ["bri-bayes", "estimate", str(path), *named]), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("bri-bayes: NUTS would take about")
    assert len(err.splitlines()) == 1


def test_what_the_closed_form_cannot_do_in_time_and_nuts_can_is_named_with_its_minutes(tmp_path, monkeypatch):
    asked = question(_request(tmp_path, 60, 10))
    design = build_design(asked.panel, asked.assignment, _shared())
    monkeypatch.setattr(work, "MOST_SECONDS", 1e-6)
    with pytest.raises(InputError, match=r", and --engine nuts samples this card in about 1 minutes$"):
        work.plan(design, _shared())
    assert work.plan(design, _shared(), engine="nuts").work.seconds < work.MOST_SAMPLED_SECONDS


@pytest.mark.parametrize("name", [name for name in model_names() if load_card(name).structure == "linear"])
def test_the_work_of_sampling_is_known_for_every_card_and_grows_with_rows(tmp_path, name):
    works = []
    for n_units in (6, 12):
        asked = question(_request(tmp_path, n_units, 8))
        card = dataclasses.replace(load_card(name), outcome="y", covariates=(), modifiers=())
        panel = asked.panel.assign(y=np.exp(asked.panel["y"]))  # cards of levels need them above zero
        works.append(work.work_by_sampling(build_design(panel, asked.assignment, card), card))
    assert works[0].seconds < works[1].seconds < 60
    assert works[0].n_bytes < works[1].n_bytes < work.MOST_BYTES


def _shared():
    return dataclasses.replace(load_card("did_shared"), outcome="y")


def test_draws_are_the_same_whether_made_a_few_points_at_a_time_or_at_once(tmp_path, monkeypatch):
    request = _request(tmp_path, 6, 8)
    at_once = estimate(request)["bayes"]
    monkeypatch.setattr(collapsed, "BATCH_ELEMENTS", collapsed.BATCH_ELEMENTS // 40)
    few = estimate(request)["bayes"]
    assert few["att"] == at_once["att"]
    assert few["rhat"] == pytest.approx(at_once["rhat"], abs=1e-12)


@pytest.mark.parametrize("size", [batched_algebra.LARGE - 1, batched_algebra.LARGE, 40])
def test_large_and_small_systems_have_the_same_solutions(size):
    rng = np.random.default_rng(size)
    root, right = rng.normal(size=(3, 2, size, size)), rng.normal(size=(3, 2, size, 5))
    matrices = root @ np.swapaxes(root, -1, -2) + np.eye(size)
    factor, solved = batched_algebra.factor_and_solve(matrices, right)
    np.testing.assert_allclose(factor @ np.swapaxes(factor, -1, -2), matrices, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(factor @ solved, right, atol=1e-10)
    both = batched_algebra.backward(factor, solved)
    np.testing.assert_allclose(both, np.linalg.solve(matrices, right), atol=1e-8)


def test_a_long_tail_is_met_by_proposals_placed_anew_where_more_of_the_first_ones_do_not():
    def log_density(x):  # a normal of sd 1/2 below zero, an exponential of rate 1 above
        first = np.where(x[:, 0] < 0, -2 * x[:, 0] ** 2, -x[:, 0])
        return first - 0.5 * x[:, 1] ** 2

    drawn = sample_by_importance(log_density, np.zeros(2), 200, np.random.default_rng(0))
    below = 0.5 * np.sqrt(np.pi / 2)
    assert drawn.khat < KHAT_LIMIT
    assert drawn.ess > 500
    assert drawn.weights @ drawn.vectors[:, 0] == pytest.approx((1 - 0.25) / (1 + below), abs=0.05)


def test_many_treated_units_leave_out_single_cells_and_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(work, "MOST_SECONDS", 0.1)
    monkeypatch.setattr(work, "_MOST_DETAILS", 10)
    values = estimate(_request(tmp_path, 40, 4, model="did"))
    assert values["bayes"]["by_unit_and_period"] == {}
    assert any("single units and cells are left out" in note for note in values["warnings"])
