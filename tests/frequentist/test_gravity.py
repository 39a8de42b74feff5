"""Gravity by PPML: against pyfixest, on flows with a known answer, and what is refused or left out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.frequentist.gravity import GravityRows, fit_gravity, score_placebo, with_information
from bri_bayes.frequentist.sparse_fixed_effects import SparseEffects

# pyfixest iterates to its own tolerance.
PEER = 1e-6
MONTE_CARLO = 4.0


def flows(rng: np.random.Generator, countries: int, years: int, beta: tuple[float, ...], noise: float) -> pd.DataFrame:
    """Flows from the model itself: resistance that drifts, lasting pairs, and country 0 with treated partners."""
    i, j, t = (a.ravel() for a in np.meshgrid(np.arange(countries), np.arange(countries), np.arange(years)))
    abroad = i != j
    i, j, t = i[abroad], j[abroad], t[abroad]
    out, into = (
        rng.normal(0, 1, (countries, 1)) + 0.2 * rng.normal(size=(countries, years)).cumsum(axis=1) for _ in range(2)
    )
    treated = np.arange(1, 1 + countries // 3)
    late = t >= years // 2
    cells = [(i == 0) & np.isin(j, treated) & late, (j == 0) & np.isin(i, treated) & late][: len(beta)]
    log_mean = out[i, t] + into[j, t] + rng.normal(0, 0.7, (countries, countries))[i, j] + np.array(beta) @ cells
    y = np.exp(log_mean) * rng.lognormal(-(noise**2) / 2, noise, i.size)
    frame = pd.DataFrame({"i": i, "j": j, "t": t, "y": np.where(rng.random(i.size) < 0.1, 0.0, y / 0.9)})
    return frame.assign(**{f"z{at}": cell.astype(float) for at, cell in enumerate(cells)})


def rows_of(frame: pd.DataFrame) -> GravityRows:
    level = {pair: frame.groupby(list(pair)).ngroup().to_numpy() for pair in ("it", "jt", "ij")}
    Z = frame[[name for name in frame if str(name).startswith("z")]].to_numpy()
    return GravityRows(frame["y"].to_numpy(), Z, level["it"], level["jt"], level["ij"])


def test_estimates_and_clustered_errors_are_those_of_pyfixest(rng: np.random.Generator) -> None:
    import pyfixest as pf

    frame = flows(rng, 12, 6, (0.5, -0.3), 0.5)
    frame = frame[rng.random(len(frame)) < 0.9].reset_index(drop=True)
    rows = rows_of(frame)
    kept = with_information(rows)
    fit = fit_gravity(rows.take(kept))
    named = frame[kept].assign(it=rows.exporter_year[kept], jt=rows.importer_year[kept], ij=rows.pair[kept])
    peer = pf.fepois("y ~ z0 + z1 | ij + it + jt", named, vcov={"CRV1": "ij"}, iwls_tol=1e-11, separation_check=[])
    np.testing.assert_allclose(fit.beta, peer.coef(), atol=PEER)
    # The peer's errors move in the sixth digit from run to run.
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), peer.se(), rtol=10 * PEER)


def test_the_planted_effect_of_both_flows_comes_back_on_average(rng: np.random.Generator) -> None:
    truth = np.array([0.5, -0.3])
    fits = []
    for _ in range(40):
        rows = rows_of(flows(rng, 15, 6, tuple(truth), 0.4))
        fits.append(fit_gravity(rows.take(with_information(rows))))
    estimates = np.array([fit.beta for fit in fits])
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(fits))
    assert (np.abs(estimates.mean(axis=0) - truth) < MONTE_CARLO * error).all()
    # Clustered errors are too small where five pairs are treated, which is why a placebo stands beside them.
    claimed = np.mean([np.sqrt(np.diag(fit.covariance)) for fit in fits], axis=0)
    assert ((claimed > 0.4 * estimates.std(axis=0)) & (claimed < estimates.std(axis=0))).all()


def test_resistance_that_would_pass_for_the_policy_falls_out(rng: np.random.Generator) -> None:
    frame = flows(rng, 12, 6, (0.4,), 0.3)
    rows = rows_of(frame)
    rows = rows.take(with_information(rows))
    boom = 1 + 2.0 * (rows.importer_year % 5)
    trend = np.exp(0.1 * rows.exporter_year)
    moved = dataclasses.replace(rows, y=rows.y * 1000.0)
    np.testing.assert_allclose(fit_gravity(moved).beta, fit_gravity(rows).beta, atol=1e-7)
    # Means that are scaled by level keep the equation; only the noise is weighed anew, so exact means stay exact.
    exact = dataclasses.replace(rows, y=fit_gravity(rows).mu * boom * trend)
    np.testing.assert_allclose(fit_gravity(exact).beta, fit_gravity(rows).beta, atol=1e-6)


def test_pairs_and_years_without_trade_leave_and_so_do_rows_that_this_leaves_alone() -> None:
    frame = flows(np.random.default_rng(3), 6, 4, (0.2,), 0.3)
    frame.loc[(frame["i"] == 4) & (frame["j"] == 5), "y"] = 0.0
    # The exporter sells to one importer alone in this year, and that pair trades in no other.
    alone = (frame["i"] == 3) & (frame["t"] == 1)
    frame.loc[alone & (frame["j"] != 2), "y"] = 0.0
    kept = with_information(rows_of(frame))
    assert not kept[(frame["i"] == 4) & (frame["j"] == 5)].any()
    assert kept.sum() == len(frame) - 4
    frame.loc[alone, "y"] = 0.0
    assert with_information(rows_of(frame)).sum() == len(frame) - 4 - alone.sum()


def test_a_policy_of_all_partners_is_what_exporter_years_are(rng: np.random.Generator) -> None:
    frame = flows(rng, 6, 4, (0.2,), 0.3)
    frame["z0"] = ((frame["i"] == 0) & (frame["t"] >= 2)).astype(float)
    rows = rows_of(frame)
    with pytest.raises(InputError, match="effects explain the policy completely"):
        fit_gravity(rows.take(with_information(rows)))


def test_weighted_residuals_on_three_sets_are_those_of_dummies(rng: np.random.Generator) -> None:
    sets = [rng.permutation(np.arange(200) % levels) for levels in (30, 11, 7)]
    weights, y = rng.lognormal(size=200), rng.normal(size=200)
    dummies = np.hstack([np.eye(at.max() + 1)[at] for at in sets])
    root = np.sqrt(weights)[:, None]
    fitted = dummies @ np.linalg.lstsq(dummies * root, y * root[:, 0], rcond=None)[0]
    np.testing.assert_allclose(SparseEffects(*sets, weights=weights).residuals(y), y - fitted, atol=1e-9)


def test_the_placebo_ranks_the_treated_among_groups_of_other_partners(rng: np.random.Generator) -> None:
    frame = flows(rng, 15, 6, (0.0,), 0.3)
    rows = rows_of(frame)
    policy = ((frame["i"] == 0) & (frame["t"] >= 3)).to_numpy()
    partner, mu = frame["j"].to_numpy(), rng.lognormal(size=len(frame))
    flat = dataclasses.replace(rows, y=np.where(policy & (partner == 2), 3 * mu, mu))
    # By hand: partner 2 alone trades three times the mean, so every group that holds it is as large.
    share = np.mean([2 in group for group in (rng.permutation(np.arange(1, 15))[:5] for _ in range(4000))])
    placebo = score_placebo(flat, mu, partner, policy, np.array([2]), groups=2000, seed=1)
    assert placebo.excess == pytest.approx(2.0)
    assert placebo.p_value == pytest.approx(1 / 14, abs=MONTE_CARLO * np.sqrt(1 / 14 / 2000))
    without = score_placebo(flat, mu, partner, policy, np.array([4, 5, 6, 7, 8]), groups=2000, seed=1)
    assert without.excess == pytest.approx(0.0, abs=1e-12)
    assert without.p_value == 1.0
    assert 0 < share < 1
