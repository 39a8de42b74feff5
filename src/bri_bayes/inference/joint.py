"""What do two outcomes say together? One model of both, with errors that correlate between them, in closed form.

For the outcomes a = 1, 2 on the same rows, each with the terms of its own card (effects, covariates, priors):

    y_a = U_a b_a + S_a s_a + e_a,     e_a,j = phi_a e_a,j-1 + w_a,j,     cov(w_1,j, w_2,j) = C_j

    iid          phi_a = 0,          C_ab = r_ab s_a s_b
    ar1          phi_a = rho_a^d,    C_ab = r_ab s_a s_b (1 - (rho_a rho_b)^d) / (1 - rho_a rho_b);
                 first row of a unit C_ab = r_ab s_a s_b / (1 - rho_a rho_b), the stationary covariance
    random_walk  phi_a = 1,          C_ab = r_ab s_a s_b d;  first row r_ab s_a s_b

with d the periods since the unit's previous row, r_11 = r_22 = 1 and r_12 = r the correlation of the innovations, whose
prior is LKJ(eta): (r + 1) / 2 ~ Beta(eta, eta). With r = 0 the posterior is that of the two outcomes apart. The
precision of the stacked errors is a sum of few matrices whose coefficients depend on (s, rho, r) alone.
Source: Zellner (1962), doi:10.1080/01621459.1962.10480664; Lewandowski, Kurowicka & Joe (2009),
doi:10.1016/j.jmva.2009.04.008, for the prior.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
import xarray as xr
from scipy.special import log_ndtr, ndtr

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import ErrorStructure
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import serial_errors
from bri_bayes.design.linear_terms import Block, Terms, build_terms
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.convergence import split_rhat
from bri_bayes.inference.error_precision import Hyper, Pair, SumOfParts
from bri_bayes.inference.exact import ExactPosterior
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters
from bri_bayes.inference.importance import Weighted
from bri_bayes.inference.marginal import draw_pairs, to_parameters, weigh_hyperparameters
from bri_bayes.inference.to_datatree import assemble
from bri_bayes.study.model_card import ModelCard

# Shape of the LKJ prior of the correlation: 2 leans gently against -1 and 1.
LKJ_SHAPE = 2.0
# The correlation is kept this far from -1 and 1, where the covariance ends.
_MARGIN = 1e-6
CORRELATION = "correlation"


@dataclass(frozen=True)
class JointFit:
    """``fits`` : one a outcome, whose draws belong together; ``correlation`` (R,) of the innovations, in their order;
    ``log_marginal`` : of both outcomes in their own units; ``diagnostics`` : khat, ess, rhat."""

    fits: tuple[Fit, Fit]
    correlation: xr.DataArray
    log_marginal: float
    diagnostics: dict[str, float]


def fit_jointly(first: Analysis, second: Analysis, *, seed: int = 0, shape: float = LKJ_SHAPE) -> JointFit:
    """The joint posterior of two analyses with normal errors of a common scale and structure, on the same rows."""
    analyses = (first, second)
    for analysis in analyses:
        card = analysis.card
        if not covers_jointly(card):
            raise InputError(
                "two outcomes jointly need normal errors of a common scale, no noise, no shared shocks, no exposure; "
                f'the card "{card.name}" has not'
            )
    if first.card.errors.structure != second.card.errors.structure or first.card.sampler != second.card.sampler:
        raise InputError("two outcomes jointly need one error structure and one sampler")
    designs = _on_common_rows(first, second)
    terms = tuple(build_terms(design, a.card) for design, a in zip(designs, analyses, strict=True))
    spaces = tuple(hyperparameters(t, a.card) for t, a in zip(terms, analyses, strict=True))
    model = joint_model(terms, first.card.errors.structure, JointSpace(spaces, shape))
    rng, sampler = np.random.default_rng(seed), first.card.sampler
    weighted = weigh_hyperparameters(model, first.card, rng)
    values = draw_pairs(model, weighted, sampler.chains * sampler.draws // 2, rng)
    fits = tuple(
        _fit(a, d, model, which, weighted, values, seed)
        for which, (a, d) in enumerate(zip(analyses, designs, strict=True))
    )
    scale = sum(float(np.log(design.attrs["y_scale"])) * design.sizes["obs"] for design in designs)
    rhat = max(fit.diagnostics["rhat"] for fit in fits)
    correlation = values[CORRELATION].reshape(sampler.chains, -1)
    return JointFit(
        fits=(fits[0], fits[1]),
        correlation=xr.DataArray(correlation, dims=("chain", "draw"), name=CORRELATION),
        log_marginal=weighted.log_normaliser - scale,
        diagnostics={"khat": weighted.khat, "ess": weighted.ess, "rhat": rhat},
    )


@dataclass(frozen=True)
class JointSpace:
    """The hyperparameters of both outcomes, one after the other, and then the correlation as a normal quantile."""

    spaces: tuple[Hyperparameters, ...]
    shape: float

    def start(self) -> Array:
        """Where the search for the mode begins: (dimension,)."""
        return np.concatenate([*(space.start() for space in self.spaces), [0.0]])

    def values(self, vectors: Array) -> dict[str, Array]:
        """Natural scale, each (draws,): "sigma 0" of the first outcome, "sigma 1" of the second, ..., "correlation"."""
        named: dict[str, Array] = {}
        first = 0
        for which, space in enumerate(self.spaces):
            values = space.values(vectors[:, first : first + space.dimension])
            named |= {_of(name, which): value for name, value in values.items()}
            first += space.dimension
        return named | {CORRELATION: np.clip(2 * ndtr(vectors[:, -1]) - 1, -1 + _MARGIN, 1 - _MARGIN)}

    def log_prior(self, vectors: Array) -> Array:
        """Log prior density on the unconstrained scale : (draws,)."""
        x, a, first = vectors[:, -1], self.shape, 0
        total = lgamma(2 * a) - 2 * lgamma(a) + (a - 1) * (log_ndtr(x) + log_ndtr(-x)) - 0.5 * (x**2 + log(2 * pi))
        for space in self.spaces:
            total = total + space.log_prior(vectors[:, first : first + space.dimension])
            first += space.dimension
        return np.asarray(total)


def joint_model(terms: tuple[Terms, ...], structure: ErrorStructure, space: JointSpace) -> Collapsed:
    """The model of the outcomes one after the other within each unit; a unit's own coefficients are those of both."""
    rows = stacked_rows(terms[0].unit_ix)
    order = np.argsort(np.concatenate(rows))
    stacked = dataclasses.replace(
        terms[0],
        y=np.concatenate([t.y for t in terms])[order],
        unit_ix=np.concatenate([t.unit_ix for t in terms])[order],
        period=np.concatenate([t.period for t in terms])[order],
        per_unit=_stacked([t.per_unit for t in terms], rows),
        shared=_stacked([t.shared for t in terms], rows),
    )
    return Collapsed(stacked, space, joint_precision(terms[0], rows, structure))


def stacked_rows(unit_ix: Index) -> list[Index]:
    """Where the rows of each outcome stand when the two follow each other within units."""
    starts, counts = np.searchsorted(unit_ix, unit_ix), np.bincount(unit_ix)[unit_ix]
    within = np.arange(unit_ix.size) - starts
    return [2 * starts + which * counts + within for which in (0, 1)]


def joint_precision(terms: Terms, rows: list[Index], structure: ErrorStructure) -> SumOfParts:
    """The precision of the stacked errors: with K = C^-1 of a row, the sum over outcomes a and b of K_ab times

    [e_a,now - phi_a e_a,before][e_b,now - phi_b e_b,before]'
    """
    parts = list(serial_errors(structure, terms.unit_ix, terms.period).components())
    n_units = terms.n_units
    counts = np.stack([np.bincount(terms.unit_ix[at], minlength=n_units) for *_, at in parts])
    pairs: list[Pair] = []
    for kind, _, at in parts:
        now = [row[at] for row in rows]
        before = [row[at - 1] for row in rows] if kind == "gap" else []
        for a, b in _OUTCOMES:
            pairs.append((now[a], now[b]))
            if before:
                cross = [(now[a], before[b])] + ([(before[a], now[b])] if a != b else [])
                pairs += [*cross, (before[a], before[b])]

    def weights(hyper: Hyper) -> Array:
        columns = []
        for (kind, *_), (inverse, _, phi) in zip(parts, _innovations(hyper, structure, parts), strict=True):
            for a, b in _OUTCOMES:
                k, before_a, before_b = inverse[:, a, b], phi[:, a], phi[:, b]
                columns.append(k)
                if kind == "gap":
                    cross = [-before_b * k] + ([-before_a * k] if a != b else [])
                    columns += [*cross, before_a * before_b * k]
        return np.stack(columns, axis=1)

    def log_det(hyper: Hyper) -> Array:
        by_part = [log_det for _, log_det, _ in _innovations(hyper, structure, parts)]
        return np.asarray(np.stack(by_part, axis=1) @ counts)

    unit_ix = np.repeat(np.arange(n_units), 2 * np.bincount(terms.unit_ix))
    return SumOfParts(unit_ix, tuple(pairs), weights, log_det)


# Pairs of outcomes, each once.
_OUTCOMES = ((0, 0), (1, 1), (0, 1))


def _innovations(
    hyper: Hyper, structure: ErrorStructure, parts: list[tuple[str, float, Index]]
) -> list[tuple[Array, Array, Array]]:
    """Of each part: C^-1 (B, 2, 2), log|C^-1| (B,) and phi (B, 2)."""
    sigma, zero = np.stack([hyper["sigma 0"], hyper["sigma 1"]], axis=1), np.zeros((len(hyper["sigma 0"]), 2))
    rho = np.stack([hyper["rho 0"], hyper["rho 1"]], axis=1) if structure == "ar1" else zero
    base = sigma[:, :, None] * sigma[:, None, :]
    base[:, 0, 1] *= hyper[CORRELATION]
    base[:, 1, 0] *= hyper[CORRELATION]
    product = rho[:, :, None] * rho[:, None, :]
    out = []
    for kind, d, _ in parts:
        if structure == "ar1":
            covariance = base / (1 - product) * (1.0 if kind == "first" else 1 - product**d)
            phi = zero if kind == "first" else rho**d
        else:
            covariance = base * (d if kind == "gap" else 1.0)
            phi = zero + float(kind == "gap")
        out.append((np.linalg.inv(covariance), -np.linalg.slogdet(covariance)[1], phi))
    return out


def _stacked(levels: list[tuple[Block, ...]], rows: list[Index]) -> tuple[Block, ...]:
    """The blocks of both outcomes, zero in the rows of the other one; names and scales with the outcome's number."""
    out = []
    for which, blocks in enumerate(levels):
        for block in blocks:
            columns = np.zeros((2 * len(block.columns), block.columns.shape[1]))
            columns[rows[which]] = block.columns
            scale = _of(block.scale, which) if isinstance(block.scale, str) else block.scale
            out.append(Block(_of(block.name, which), columns, scale))
    return tuple(out)


def _of(name: str, which: int) -> str:
    return f"{name} {which}"


def _on_common_rows(first: Analysis, second: Analysis) -> tuple[Design, Design]:
    """The designs of both on the rows that both have; cells that only one has are left out of both."""
    panel = first.panel
    names = {name for a in (first, second) for name in (a.card.outcome, *a.card.covariates, *a.card.modifiers)}
    both = np.logical_and.reduce([np.isfinite(panel[name].to_numpy()) for name in sorted(map(str, names))])
    mask = xr.DataArray(both, dims=panel[str(first.card.outcome)].dims, coords=panel.coords)
    kept = panel.assign({str(a.card.outcome): panel[str(a.card.outcome)].where(mask) for a in (first, second)})
    return first.replace(panel=kept).design, second.replace(panel=kept).design


def _fit(
    analysis: Analysis,
    design: Design,
    model: Collapsed,
    which: int,
    weighted: Weighted,
    values: dict[str, Array],
    seed: int,
) -> Fit:
    card, suffix = analysis.card, _of("", which)
    of_outcome = {name.removesuffix(suffix): value for name, value in values.items() if name.endswith(suffix)}
    parameters = to_parameters(design, card, of_outcome)
    groups = assemble(design, card, parameters, pointwise=False, seed=seed)
    rhat = split_rhat(parameters["effect"].mean(axis=(1, 2)).reshape(card.sampler.chains, -1))
    diagnostics = {
        "engine": "marginal",
        "ess": weighted.ess,
        "khat": weighted.khat,
        "rhat": rhat,
        "divergences": 0,
        "notes": [],
    }
    exact = ExactPosterior.of(model, design, weighted.vectors, weighted.weights)
    exact = dataclasses.replace(exact, outcome=which, rows=stacked_rows(design["unit_ix"].to_numpy())[which])
    return Fit(analysis, design, xr.DataTree.from_dict(groups), diagnostics, None, exact)


def covers_jointly(card: ModelCard) -> bool:
    """Whether the joint model covers the card: normal, one error scale, no noise, no shocks that units share."""
    plain = card.contamination is None and card.shocks.process == "none" and card.errors.structure != "ar1_noise"
    return card.is_marginal and card.errors.scale == "common" and plain
