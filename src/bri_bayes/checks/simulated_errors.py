"""Which errors might the rows have had, and how might known ones go on? Draws given the hyperparameters of a posterior.

    u_it = e_it + shock_g(i)t

with errors and shared shocks as the card says. Rows that hang together are those of one unit, or of one group where its
units share shocks. A chain (iid, AR(1), random walk) without shocks runs from row to row. Anything else is one Gaussian
a set of rows, u ~ N(0, C), and goes on from known rows k by Matheron's rule,

    u_f | u_k  =  v_f + C_fk C_kk^-1 (u_k - v_k),    v ~ N(0, C)

Source: Rue & Held (2005), Gaussian Markov Random Fields, section 2.3.3 (conditioning by kriging).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.names import OBS, PERIOD
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import Serial, coloured, process_covariance, serial_errors, whitened
from bri_bayes.design.group_shocks import RATIO, shock_process
from bri_bayes.study.model_card import ModelCard

# Elements of the covariances that are in memory at once.
_ELEMENTS = 4_000_000
# Rows of a group beyond which its errors and its shock are drawn one after the other, where none is known: the same
# distribution by other draws, in seconds where the factors of dense covariances take minutes.
_MOST_DENSE = 1000


def new_errors(design: Design, card: ModelCard, values: Mapping[str, Array], rng: np.random.Generator) -> Array:
    """Errors and shocks on the rows of ``design`` : (draw, obs), at hyperparameters name -> (draw, ...)."""
    return errors_given(design, card, values, np.empty((values["sigma"].size, 0)), np.empty(0, dtype=np.intp), rng)


def errors_given(
    design: Design, card: ModelCard, values: Mapping[str, Array], known: Array, rows: Index, rng: np.random.Generator
) -> Array:
    """The same when those of ``rows`` are known : ``known`` (draw, rows). A chain needs known rows to be the first."""
    innovations = rng.standard_normal((values["sigma"].size, design.sizes[OBS]))
    if card.errors.structure == "ar1_noise" or card.shocks.process != "none":
        return _gaussian(design, card, values, known, rows, innovations, rng)
    serial, (phi, s) = _serial(design, card), _serial(design, card).transition(_scale(values), rho_of(values))
    if rows.size:
        errors = np.zeros(innovations.shape)
        errors[:, rows] = known
        innovations[:, rows] = whitened(serial, errors, phi, s)[:, rows]
    return coloured(serial, innovations, phi, s)


def rho_of(values: Mapping[str, Array]) -> Array:
    """rho (draw,), zero where the card has none."""
    return values.get("rho", np.zeros(values["sigma"].size))


def _gaussian(
    design: Design,
    card: ModelCard,
    values: Mapping[str, Array],
    known: Array,
    rows: Index,
    innovations: Array,
    rng: np.random.Generator,
) -> Array:
    errors = np.empty(innovations.shape)
    is_known = np.zeros(innovations.shape[1], dtype=bool)
    is_known[rows] = True
    at = np.zeros(innovations.shape[1], dtype=np.intp)
    at[rows] = np.arange(rows.size)
    for some in _together(design, card):
        seen, step = is_known[some], max(1, _ELEMENTS // some.size**2)
        if some.size > _MOST_DENSE and not seen.any():
            errors[:, some] = _errors_and_shock(design, card, values, some, innovations[:, some], rng)
            continue
        for first in range(0, len(errors), step):
            draws = slice(first, first + step)
            covariance = _covariance(design, card, {name: value[draws] for name, value in values.items()}, some)
            drawn = np.einsum("brs,bs->br", np.linalg.cholesky(covariance), innovations[draws, some])
            if seen.any():
                missed = known[draws, at[some[seen]]] - drawn[:, seen]
                weights = np.linalg.solve(covariance[:, seen][:, :, seen], missed[..., None])
                drawn += (covariance[:, :, seen] @ weights)[..., 0]
            errors[draws, some] = drawn
    return errors


def _together(design: Design, card: ModelCard) -> Iterator[Index]:
    """The rows of each group whose units share shocks, and of each other unit."""
    unit_ix = design["unit_ix"].to_numpy()
    alone = int(unit_ix.max(initial=0)) + 1
    labels = -1 - np.arange(alone)
    if card.shocks.process != "none":
        group_ix = design["group_ix"].to_numpy()
        labels = np.where(group_ix >= 0, group_ix, labels)
    for label in np.unique(labels):
        yield np.flatnonzero(labels[unit_ix] == label)


def _errors_and_shock(
    design: Design,
    card: ModelCard,
    values: Mapping[str, Array],
    rows: Index,
    innovations: Array,
    rng: np.random.Generator,
) -> Array:
    """The errors of each unit of a group, and the shock that all of them have : (draw, rows)."""
    period, unit = design["period_ix"].to_numpy()[rows], design["unit_ix"].to_numpy()[rows]
    drawn = np.empty(innovations.shape)
    for i in np.unique(unit):
        inside = np.flatnonzero(unit == i)
        root = np.linalg.cholesky(_covariance(design, card, values, rows[inside], shocks=False))
        drawn[:, inside] = np.einsum("brs,bs->br", root, innovations[:, inside])
    if card.shocks.process != "none" and design["group_ix"].to_numpy()[unit[0]] >= 0:
        # By eigenvalues: a random walk begins at zero, so that its covariance has no Cholesky factor.
        sizes, directions = np.linalg.eigh(shock_process(design, card).covariance(values))
        scaled = np.sqrt(np.maximum(sizes, 0.0)) * rng.standard_normal(sizes.shape)
        drawn += values[RATIO][:, None] * np.einsum("brs,bs->br", directions, scaled)[:, period]
    return drawn


def _covariance(
    design: Design, card: ModelCard, values: Mapping[str, Array], rows: Index, *, shocks: bool = True
) -> Array:
    """Of errors, and with ``shocks`` of those, of ``rows`` : (draw, rows, rows)."""
    unit, period = design["unit_ix"].to_numpy()[rows], design["period_ix"].to_numpy()[rows]
    years = design[PERIOD].to_numpy().astype(float)
    sigma, noise = values["sigma"], values.get("noise", np.zeros(values["sigma"].size))
    total = np.zeros((sigma.size, rows.size, rows.size))
    for i in np.unique(unit):
        inside = np.flatnonzero(unit == i)
        single = process_covariance(card.errors.structure, sigma, years[period[inside]], rho_of(values), noise)
        ratio = values["sigma_unit"][:, i] / sigma if "sigma_unit" in values else np.ones(sigma.size)
        total[:, inside[:, None], inside] = ratio[:, None, None] ** 2 * single
    if shocks and card.shocks.process != "none" and design["group_ix"].to_numpy()[unit[0]] >= 0:
        shock = values[RATIO][:, None, None] ** 2 * shock_process(design, card).covariance(values)
        total += shock[:, period[:, None], period]
    return total


def _serial(design: Design, card: ModelCard) -> Serial:
    period = design[PERIOD].to_numpy()[design["period_ix"].to_numpy()].astype(float)
    return serial_errors(card.errors.structure, design["unit_ix"].to_numpy(), period)


def _scale(values: Mapping[str, Array]) -> Array:
    return values.get("sigma_unit", values["sigma"])
