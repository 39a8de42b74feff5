"""A third witness: the normal model of a card as one dense Gaussian, in plain NumPy, sharing no line with the package.

Every term of the card has mean zero, so the outcome of a panel is y ~ N(0, S) with S a sum of covariances between rows
(i, t) and (j, s), and the ATT is a weighted sum of the effect's part of y: its posterior given y is one regression,

    log p(y | h) = -1/2 (n log 2 pi + log|S| + y'S^-1 y),   E[att | y, h] = w'E S^-1 y,   var = w'E w - w'E S^-1 E w

with E the effect's share of S and w the weights of the rows. Nothing is fast here, and nothing is eliminated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Rectangle:
    """``y`` (N, T), NaN for a gap; ``years`` (T,); ``onset`` (N,), NaN for never treated; ``since`` (N,), NaN where not
    contaminated; ``x``, ``z`` (N, T, m) covariates and modifiers; ``group`` (N,), -1 for a unit of no group."""

    y: np.ndarray
    years: np.ndarray
    onset: np.ndarray
    x: np.ndarray
    z: np.ndarray
    since: np.ndarray
    group: np.ndarray


def witness(panel: Rectangle, card: Mapping[str, Any], hyper: Mapping[str, Any]) -> tuple[float, float, float]:
    """log p(y | h) of the standardised outcome; mean and sd of the ATT given y and h, in units of the outcome."""
    until = panel.years - panel.onset[:, None]
    expected = (until < 0) & (until >= -card["effects"]["anticipation"])
    unit, time = np.nonzero(np.isfinite(panel.y) & ~expected)
    year, y, effects, priors = panel.years[time], panel.y[unit, time], card["effects"], card["priors"]
    same_unit = unit[:, None] == unit
    units, periods = np.eye(panel.y.shape[0])[unit], (np.unique(time)[None, :] == time[:, None]).astype(float)
    both = np.column_stack([units, periods])
    residual = y - both @ np.linalg.lstsq(both, y, rcond=None)[0]
    degrees = y.size - np.linalg.matrix_rank(both)
    scale = np.sqrt(residual @ residual / degrees)
    wide = y.std() / scale
    k = year - panel.onset[unit]
    treated = k >= 0
    effect, parts = _effect(panel, card, hyper, unit, k, year, treated)
    total = effect + (priors["unit"] * wide) ** 2 * same_unit
    if card["covariates"]:
        x = panel.x[unit, time]
        inside = x - both @ np.linalg.lstsq(both, x, rcond=None)[0]
        x = (x - x.mean(axis=0)) / np.sqrt((inside**2).sum(axis=0) / degrees)
        total += priors["covariate"] ** 2 * x @ x.T
        parts.append(x)
    if effects["trend"] == "unit_linear":
        clock = (year - year.min()) / (year.max() - year.min()) - 0.5
        total += priors["trend"] ** 2 * same_unit * np.outer(clock, clock)
    if effects["trend"] == "group_random_walk":
        ever = np.isfinite(k)
        step = effects["trend_sd"] or hyper["trend_step"]
        total += step**2 * (np.minimum.outer(year, year) - year.min()) * np.outer(ever, ever)
    total += _periods(card, hyper, periods, parts, priors["period"] * wide)
    total += _errors(card, hyper, unit, year, same_unit, panel.group)
    w = treated / treated.sum()
    if effects["leads"]:
        for i in np.unique(unit[treated]):
            before = (unit == i) & (k < 0)
            w = w - before / max(before.sum(), 1) * w[unit == i].sum()
    standard = (y - y.mean()) / scale
    solved = np.linalg.solve(total, np.column_stack([standard, effect @ w]))
    log_density = -0.5 * (y.size * np.log(2 * np.pi) + np.linalg.slogdet(total)[1] + standard @ solved[:, 0])
    variance = w @ effect @ w - (effect @ w) @ solved[:, 1]
    return float(log_density), float(w @ effect @ solved[:, 0] * scale), float(np.sqrt(variance) * scale)


def _effect(panel, card, hyper, unit, k, year, treated):  # type: ignore[no-untyped-def]
    """Covariance of the rows' effects, and the regressors whose period means correlated period effects keep apart."""
    effects, priors = card["effects"], card["priors"]
    by_unit = effects["treatment"].startswith("by_unit")
    by_time = effects["treatment"].endswith("event_time")
    clipped = np.clip(k, *effects["window"]) if effects["window"] else k
    post = np.unique(clipped[treated])
    # How much of the effect at each time after the onset a row has: one, nothing, or kappa.
    share = (clipped[:, None] == post).astype(float)
    if card["contamination"]:
        kappa = card["contamination"]["share"]
        kappa = hyper["kappa"] if kappa is None else kappa
        for row in np.flatnonzero(year >= panel.since[unit]):
            elapsed = year[row] - panel.since[unit[row]]
            elapsed = min(elapsed, effects["window"][1]) if effects["window"] else elapsed
            share[row, max(np.flatnonzero(post <= elapsed), default=0)] = kappa
    after = share.sum(axis=1)
    same_unit = unit[:, None] == unit
    pooled = effects["pooling"] == "partial"
    if not by_time:
        total = priors["effect"] ** 2 * np.outer(after, after) * (1 if pooled or not by_unit else same_unit)
    elif pooled:
        total = share @ _path(post, share[treated].sum(axis=0), priors, hyper) @ share.T
    else:
        count = share[treated].sum(axis=0)
        free = priors["effect"] ** 2 * (1 + _around(np.eye(post.size), count / count.sum()))
        total = share @ free @ share.T * (same_unit if by_unit else 1)
    if by_unit and pooled:
        total = total + hyper["omega"] ** 2 * np.outer(after, after) * same_unit
    parts = [share if by_time else after[:, None]]
    if by_unit:
        parts += [c[:, None] * np.eye(unit.max() + 1)[unit] for c in (share.T if by_time and not pooled else [after])]
    if effects["leads"]:
        early = clipped[:, None] == np.unique(clipped[clipped < -1])
        total = total + priors["effect"] ** 2 * early @ early.T.astype(float)
        parts.append(early)
    if card["modifiers"]:
        z = panel.z[unit, np.searchsorted(panel.years, year)]
        z = (z - z[treated].mean(axis=0)) / z[treated].std(axis=0) * treated[:, None]
        total = total + priors["modifier"] ** 2 * z @ z.T
        parts.append(z)
        if effects["modifier_slopes"] == "by_unit":
            total = total + hyper["omega_modifier"] ** 2 * same_unit * (z @ z.T)
            parts += [column[:, None] * np.eye(unit.max() + 1)[unit] for column in z.T]
    return total, parts


def _path(post, count, priors, hyper):  # type: ignore[no-untyped-def]
    """Covariance of the common effect over event times: an average, and an integrated random walk around it."""
    variance = hyper.get("eta", 0.0) ** 2
    total = (4 * variance + (priors["effect_growth"] * hyper["sigma"]) ** 2) * np.outer(post - post[0], post - post[0])
    for bend, following in pairwise(post[1:]):
        rise = np.maximum(post - bend, 0.0)
        total = total + variance * (following - bend) * np.outer(rise, rise)
    return priors["effect"] ** 2 + _around(total, count / count.sum())


def _around(total, weights):  # type: ignore[no-untyped-def]
    """Covariance of a path less its weighted average."""
    less = np.eye(weights.size) - weights
    return less @ total @ less.T


def _periods(card, hyper, periods, parts, wide):  # type: ignore[no-untyped-def]
    """Covariance of period effects: wide with sum zero, or random around the period means of all regressors."""
    n = periods.shape[1]
    if card["effects"]["period"] == "fixed":
        return wide**2 * (periods @ periods.T - 1.0 / n)
    means = periods.T @ np.column_stack(parts) / periods.sum(axis=0)[:, None]
    means = means - means.mean(axis=0)
    onto = means @ np.linalg.pinv(means, rcond=1e-10)
    return periods @ (wide**2 * n * onto + hyper["sigma_period"] ** 2 * np.eye(n)) @ periods.T


def _errors(card, hyper, unit, year, same_unit, group):  # type: ignore[no-untyped-def]
    """Covariance of errors and of shocks: stationary where AR(1), whatever years of a unit are missing."""
    structure, process = card["errors"]["structure"], card["shocks"]["process"]
    by_unit = card["errors"]["scale"] == "by_unit"
    ratio = np.asarray(hyper["sigma_unit"])[unit] / hyper["sigma"] if by_unit else np.ones(unit.size)
    first = np.array([year[unit == i].min() for i in unit])
    total = np.outer(ratio, ratio) * same_unit * _process(structure, year, first, hyper, "rho")
    if process != "none":
        shape = structure if process == "like_errors" else process
        rho = "shock_rho" if process == "ar1" else "rho"
        member = group[unit]
        together = (member[:, None] == member) & (member >= 0)
        total += hyper["shock_ratio"] ** 2 * together * _process(shape, year, year.min(), hyper, rho)
    return total


def _process(structure, year, first, hyper, rho):  # type: ignore[no-untyped-def]
    """Covariance over years of a process with innovations of sd sigma."""
    lag = np.abs(np.subtract.outer(year, year))
    if structure == "iid":
        shape = (lag == 0).astype(float)
    elif structure == "random_walk":
        shape = 1.0 + np.minimum.outer(year, year) - first
    else:
        shape = hyper[rho] ** lag / (1 - hyper[rho] ** 2)
    noise = hyper["noise"] ** 2 * (lag == 0) if structure == "ar1_noise" else 0.0
    return hyper["sigma"] ** 2 * shape + noise
