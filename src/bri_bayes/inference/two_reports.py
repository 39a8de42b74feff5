"""What do two reports of one flow say together? Mirror data as a measurement model, in closed form.

China reports what it sends to a partner, and the partner what it gets. In logs, for report r = 1, 2 of cell (i, t),

    y_rit = z_it + [r = 2] (d_i + g_t) + u_rit,    u_rit ~ N(0, s_r^2)
    z_it  = a_i + l_t + x_it'b + tau_it D_it + e_it       the latent flow, e as the errors of the card (iid, AR(1))

d_i is what lasts between the two (freight in a value cif, goods that pass through a port), g_t what one of them
changed in a year for all partners (wide, like a_i and l_t). What is left of the gap is noise of one report or the
other; what both say alike is the flow. Given the scales all of it is Gaussian: the rows of a unit, first those of
one report and then those of the other, have the covariance

    [[C + s_1^2 I, C], [C, C + s_2^2 I]],    C that of e

so the linear coefficients are integrated as for any card (``collapsed``), with s_1, s_2 among the hyperparameters. A
cell that one side alone reports is a row of that side. The noise of the two is taken for independent; an error that
both share is a part of the flow. Source: Fuller (1987), Measurement Error Models, section 1.2; Gaulier & Zignago
(2010), CEPII working paper 2010-23, for the gap between reporters.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import TAILS, Effect
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import ErrorStructure
from bri_bayes.design.error_process import process_covariance
from bri_bayes.design.linear_terms import Block, Terms, build_terms, period_contrasts, wide_scales
from bri_bayes.design.two_reports import LATENT, Stacked
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.dense_errors import DensePatterns
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters
from bri_bayes.inference.linear_estimands import att_weights, effect_functionals
from bri_bayes.inference.marginal import weigh_hyperparameters
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.study.model_card import ModelCard

FIRST, SECOND = "noise_first", "noise_second"
# A row of the second report stands so many periods after that of the first: only to tell them apart.
LATER = 1_000_000.0
# A scale is positive, and finite beyond the tail of its prior.
_LEAST, _FARTHEST = 1e-4, 1e-300


@dataclass(frozen=True)
class ReportNoise(Result):
    """Posterior mean and 95% interval of an sd, log points."""

    mean: float
    lower: float
    upper: float


@dataclass(frozen=True)
class TwoReports:
    """``att`` : of the latent flow; ``noise`` : of each report; ``rows`` : of each report; ``khat`` of the sample."""

    att: Effect
    noise: tuple[ReportNoise, ReportNoise]
    rows: tuple[int, int]
    khat: float
    log_marginal: float


def two_reports(rows: Stacked, card: ModelCard, seed: int = 0) -> TwoReports:
    """The posterior of the ATT on the latent flow, and how noisy each report is."""
    model, rng = stacked_model(rows, card), np.random.default_rng(seed)
    weighted = weigh_hyperparameters(model, card, rng)
    used = weighted.weights > 0
    _, means, sds = model.given(weighted.vectors[used], _att(rows, card, model.terms))
    scale = rows.design.attrs["y_scale"]
    weights = weighted.weights[used]
    mixture = NormalMixtures(weights[None, :], means.T * scale, sds.T * scale)
    hyper = model.space.values(weighted.vectors[used])
    counts = np.bincount(rows.report, minlength=2)
    return TwoReports(
        att=mixture.effects()[0],
        noise=(_noise(hyper[FIRST] * scale, weights), _noise(hyper[SECOND] * scale, weights)),
        rows=(int(counts[0]), int(counts[1])),
        khat=weighted.khat,
        log_marginal=weighted.log_normaliser - rows.cell.size * float(np.log(scale)),
    )


def stacked_model(rows: Stacked, card: ModelCard) -> Collapsed:
    """The linear model of the rows of both reports."""
    design, cell = rows.design, rows.cell
    terms = build_terms(design, dataclasses.replace(card, outcome=LATENT))
    second = (rows.report == 1).astype(float)[:, None]
    wide_unit, wide_period = wide_scales(design, card)
    contrasts = period_contrasts(design.sizes["period"])[design["period_ix"].to_numpy()[cell]]
    together = dataclasses.replace(
        terms,
        y=(rows.values[cell, rows.report] - design.attrs["y_center"]) / design.attrs["y_scale"],
        unit_ix=terms.unit_ix[cell],
        period=terms.period[cell] + LATER * rows.report,
        per_unit=(*_taken(terms.per_unit, cell), Block("gap", second, wide_unit)),
        shared=(*_taken(terms.shared, cell), Block("gap_by_period", second * contrasts, wide_period)),
    )
    errors = DensePatterns(together.unit_ix, together.period, _covariance(card.errors.structure))
    return Collapsed(together, ReportScales(hyperparameters(terms, card), float(card.priors.noise)), errors)


@dataclass(frozen=True)
class ReportScales:
    """The hyperparameters of a card, then the noise of each report: half-normal, as quantiles of a normal."""

    of_card: Hyperparameters
    scale: float

    def start(self) -> Array:
        """Where the search for the mode begins."""
        return np.concatenate([self.of_card.start(), [-0.3, -0.3]])

    def values(self, vectors: Array) -> dict[str, Array]:
        """Natural scale."""
        named = self.of_card.values(vectors[:, :-2])
        noise = self.scale * -ndtri(0.5 * np.maximum(ndtr(-vectors[:, -2:]), _FARTHEST))
        named[FIRST], named[SECOND] = np.maximum(noise, _LEAST).T
        return named

    def log_prior(self, vectors: Array) -> Array:
        """Log prior density, Jacobian included."""
        last = vectors[:, -2:]
        return np.asarray(self.of_card.log_prior(vectors[:, :-2]) - 0.5 * (last**2 + np.log(2 * np.pi)).sum(axis=1))


def _taken(blocks: tuple[Block, ...], cell: Index) -> tuple[Block, ...]:
    return tuple(dataclasses.replace(block, columns=block.columns[cell]) for block in blocks)


def _covariance(structure: ErrorStructure) -> Callable[[Mapping[str, Array], Array], Array]:
    """Of a unit's rows in those periods, (hyper, periods (T,)) -> (B, T, T); see the head of the module."""

    def covariance(hyper: Mapping[str, Array], periods: Array) -> Array:
        is_second = periods >= LATER / 2
        when = periods - LATER * is_second
        years, position = np.unique(when, return_inverse=True)
        sigma = hyper["sigma"]
        flow = process_covariance(structure, sigma, years, hyper.get("rho", np.zeros(sigma.size)), np.zeros(sigma.size))
        out = np.asarray(flow[:, position[:, None], position[None, :]], dtype=float)
        diagonal = np.arange(periods.size)
        out[:, diagonal, diagonal] += np.where(is_second, hyper[SECOND][:, None], hyper[FIRST][:, None]) ** 2
        return out

    return covariance


def _att(rows: Stacked, card: ModelCard, terms: Terms) -> Coefficients:
    """The ATT as weights on the coefficients: each cell counts in one of its rows."""
    _, once = np.unique(rows.cell, return_index=True)
    weights = np.zeros((1, rows.cell.size))
    weights[0, once] = att_weights(rows.design, card)
    return effect_functionals(terms, weights)


def _noise(sds: Array, weights: Array) -> ReportNoise:
    order = np.argsort(sds)
    below = np.cumsum(weights[order])
    lower, upper = (float(sds[order][np.searchsorted(below, p)]) for p in TAILS)
    return ReportNoise(float(sds @ weights), lower, upper)
