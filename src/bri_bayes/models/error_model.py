"""How do errors hang together over time and within a group? The error model of a linear card, in PyMC.

    y_j = mu_j + shock_g(i)t + e_j
    iid, ar1, random_walk   e_j ~ Normal(phi_j e_{j-1}, s_j)          phi_j, s_j as in ``design.error_process``
    ar1_noise               e_i ~ MvNormal(0, r_i^2 (C + nu^2 I))     C_ts = sigma^2 rho^|t-s| / (1 - rho^2)

nu = ``noise`` is the sd of what is gone a year later, r_i the error scale of unit i against the common one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array, Mask
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import Serial, rows_by_pattern, serial_errors
from bri_bayes.study.model_card import ModelCard


def add_errors(design: Design, card: ModelCard, y: Any, mu: Any) -> None:
    """Shocks of groups and errors of units around ``mu`` (obs,), with ``y`` observed : (obs,), standardised."""
    import pymc as pm

    unit_ix = design["unit_ix"].to_numpy()
    period = design["period"].to_numpy()[design["period_ix"].to_numpy()].astype(float)
    serial = serial_errors(card.errors.structure, unit_ix, period)
    center, ratio = error_scale(card), scale_ratio(design, card)
    sigma = center if card.errors.scale == "common" else center * ratio
    rho = autocorrelation(card)
    noise = pm.HalfNormal("noise", card.priors.noise) if card.errors.structure == "ar1_noise" else None
    if card.shocks.process != "none":
        mu = mu + shock_of_rows(design, card, center, rho, noise)
    if noise is not None:
        _noisy(serial, period, y - mu, ratio, _stationary(center, rho), noise)
        return
    phi, scale = transition(card, serial.is_first, serial.gap, rho)
    before = np.where(serial.is_first, 0, np.arange(unit_ix.size) - 1)
    mean = mu + phi * (y[before] - mu[before])
    if card.likelihood.family == "student_t":
        nu = pm.Deterministic("nu", 2 + pm.Gamma("nu_minus_two", alpha=2, beta=0.1))
        pm.StudentT("y", nu=nu, mu=mean, sigma=sigma * scale, observed=y)
    else:
        pm.Normal("y", mean, sigma * scale, observed=y)


def error_scale(card: ModelCard) -> Any:
    """The sd of the errors, of their innovations where they have any: one variable of the model that is being built."""
    import pymc as pm

    known = pm.modelcontext(None).named_vars.get("sigma")
    return pm.HalfStudentT("sigma", nu=3, sigma=card.priors.sigma) if known is None else known


def transition(card: ModelCard, first: Mask, gap: Array, rho: Any) -> tuple[Any, Any]:
    """phi and s / sigma of each row, for a symbolic rho; ``gap`` : (obs,) periods since the row that it remembers.

    ``first`` and ``gap`` are arrays, or data of the model.
    """
    import pytensor.tensor as pt

    gap = np.where(first, 1.0, gap) if isinstance(gap, np.ndarray) else pt.switch(first, 1.0, gap)
    if card.errors.structure == "iid":
        return pt.zeros_like(gap), pt.ones_like(gap)
    if card.errors.structure == "random_walk":
        return pt.switch(first, 0.0, 1.0), pt.sqrt(gap)
    if card.errors.structure not in ("ar1", "ar1_noise"):
        raise NotImplementedError(f'errors "{card.errors.structure}" have no transition here')
    phi = pt.switch(first, 0.0, rho**gap)
    variance = pt.switch(first, 1.0, 1 - rho ** (2 * gap)) / (1 - rho**2)
    return phi, pt.sqrt(variance)


def scale_ratio(design: Design, card: ModelCard) -> Any:
    """The error scale of each row's unit against the common one : (obs,); ones, where there is one scale."""
    import pymc as pm
    import pytensor.tensor as pt

    unit_ix = design["unit_ix"].to_numpy()
    if card.errors.scale == "common":
        return pt.ones(unit_ix.size)
    raw = pm.Normal("log_sigma_raw", 0, 1, dims="unit")
    pm.Deterministic("sigma_unit", error_scale(card) * pt.exp(card.priors.sigma_spread * raw), dims="unit")
    return pt.exp(card.priors.sigma_spread * raw)[unit_ix]


def autocorrelation(card: ModelCard) -> Any:
    """rho of the errors, None where they have none."""
    return _autocorrelation("rho", card.priors.rho) if card.errors.structure in ("ar1", "ar1_noise") else None


def _autocorrelation(name: str, shapes: tuple[float, float]) -> Any:
    import pymc as pm

    return pm.Deterministic(name, 2 * pm.Beta(f"{name}_share", *shapes) - 1)


def _stationary(sigma: Any, rho: Any) -> Any:
    """Autocovariance of an AR(1) process after d periods, as a function of d."""
    return lambda lag: sigma**2 * rho**lag / (1 - rho**2)


def _noisy(serial: Serial, period: Array, error: Any, ratio: Any, autocovariance: Any, noise: Any) -> None:
    """log density of AR(1) plus noise, by sets of units that have the same periods; ``ratio`` (obs,) scales both."""
    import pymc as pm
    import pytensor.tensor as pt

    for position, (years, rows) in enumerate(rows_by_pattern(serial, period)):
        lag = np.abs(np.subtract.outer(years, years))
        factor = pt.linalg.cholesky(autocovariance(lag) + noise**2 * np.eye(years.size))
        white = pt.linalg.solve_triangular(factor, (error / ratio)[rows].T, lower=True)
        log_det = len(rows) * pt.log(pt.diag(factor)).sum() + pt.log(ratio)[rows].sum()
        density = -0.5 * (white**2).sum() - log_det - 0.5 * rows.size * np.log(2 * np.pi)
        pm.Potential(f"errors_{position}", density)


def shock_of_rows(design: Design, card: ModelCard, sigma: Any, rho: Any, noise: Any) -> Any:
    """The shock of each row's group in its period : (obs,), zero for units without a group.

    shock_gt = psi c_gt, with c a process of innovation sd sigma: the error's own (``like_errors``), an AR(1) process or
    a random walk. It starts in the first period of the panel, an AR(1) process from its stationary distribution.
    """
    import pymc as pm
    import pytensor.tensor as pt

    years = design["period"].to_numpy().astype(float)
    group_ix = design["group_ix"].to_numpy()
    shape = (int(group_ix.max()) + 1, years.size)
    if isinstance(card.priors.shock, tuple):
        psi = pm.LogNormal("shock_ratio", np.log(card.priors.shock[0]), card.priors.shock[1])
    else:
        psi = pm.HalfNormal("shock_ratio", card.priors.shock)
    process = card.errors.structure if card.shocks.process == "like_errors" else card.shocks.process
    raw = pm.Normal("shock_raw", 0, 1, shape=shape)
    if process == "iid":
        path = raw
    elif process == "random_walk":
        path = pt.cumsum(raw * np.sqrt(np.diff(years, prepend=years[0] - 1)), axis=1)
    else:
        r = _autocorrelation("shock_rho", card.priors.shock_rho) if card.shocks.process == "ar1" else rho
        columns = [raw[:, 0] / pt.sqrt(1 - r**2)]
        for t, gap in enumerate(np.diff(years), start=1):
            columns.append(r**gap * columns[-1] + pt.sqrt((1 - r ** (2 * gap)) / (1 - r**2)) * raw[:, t])
        path = pt.stack(columns, axis=1)
    path = sigma * path
    if process == "ar1_noise":
        path = path + noise * pm.Normal("shock_noise_raw", 0, 1, shape=shape)
    shock = pm.Deterministic("shock", psi * path, dims=("group", "period"))
    rows, member = design["unit_ix"].to_numpy(), group_ix >= 0
    return shock[np.maximum(group_ix, 0)[rows], design["period_ix"].to_numpy()] * member[rows]
