"""What do two outcomes say together? One model of both, with errors that correlate between them, in closed form.

For the outcomes a = 1, 2 on the same rows, each with the terms of its own card (effects, covariates, priors):

    y_a = U_a b_a + S_a s_a + e_a,     e_a,j = phi_a e_a,j-1 + w_a,j,     cov(w_1,j, w_2,j) = C_j

    iid          phi_a = 0,          C_ab = r_ab s_a s_b
    ar1          phi_a = rho_a^d,    C_ab = r_ab s_a s_b (1 - (rho_a rho_b)^d) / (1 - rho_a rho_b);
                 first row of a unit C_ab = r_ab s_a s_b / (1 - rho_a rho_b), the stationary covariance
    random_walk  phi_a = 1,          C_ab = r_ab s_a s_b d;  first row r_ab s_a s_b

with d the periods since the unit's previous row, r_11 = r_22 = 1 and r_12 = r the correlation of the innovations, whose
prior is LKJ(eta): (r + 1) / 2 ~ Beta(eta, eta). With r = 0 the posterior is that of the two outcomes apart. The
precision of the stacked errors is a sum of few matrices whose coefficients depend on (s, rho, r) alone, as in ``gram``.
Source: Zellner (1962), doi:10.1080/01621459.1962.10480664; Lewandowski, Kurowicka & Joe (2009),
doi:10.1016/j.jmva.2009.04.008, for the prior.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
import xarray as xr
from scipy.special import log_ndtr, ndtr

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import serial_errors
from bri_bayes.design.linear_terms import Terms, build_terms
from bri_bayes.inference.convergence import split_rhat
from bri_bayes.inference.gram import BATCH_ELEMENTS, Conditional, conditional_of
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters
from bri_bayes.inference.importance import sample_by_importance
from bri_bayes.inference.marginal import by_block, coefficients, systematic, to_parameters
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
        if not card.is_marginal or card.errors.scale != "common" or card.contamination is not None:
            raise InputError(
                "two outcomes jointly need normal errors of a common scale and controls without exposure; "
                f'the card "{card.name}" has not'
            )
    if first.card.errors.structure != second.card.errors.structure or first.card.sampler != second.card.sampler:
        raise InputError("two outcomes jointly need one error structure and one sampler")
    designs = _on_common_rows(first, second)
    terms = tuple(build_terms(design, a.card) for design, a in zip(designs, analyses, strict=True))
    spaces = tuple(hyperparameters(t, a.card) for t, a in zip(terms, analyses, strict=True))
    model = JointGram(terms, first.card.errors.structure)
    space = JointSpace(spaces, shape)
    rng = np.random.default_rng(seed)
    sampler = first.card.sampler

    def log_density(vectors: Array) -> Array:
        return model.conditional(space.values(vectors)).log_density + space.log_prior(vectors)

    weighted = sample_by_importance(log_density, space.start(), sampler.proposals, rng)
    pairs = sampler.chains * sampler.draws // 2
    chosen = rng.permutation(systematic(weighted.weights, pairs, rng))
    unique, position = np.unique(chosen, return_inverse=True)
    hyper = space.values(weighted.vectors[unique])
    values = model.drawn(hyper, position, rng)
    correlation = np.concatenate([hyper[CORRELATION][position]] * 2).reshape(sampler.chains, -1)
    fits = tuple(
        _fit(analysis, design, found, weighted.khat, weighted.ess, seed)
        for analysis, design, found in zip(analyses, designs, values, strict=True)
    )
    scale = sum(float(np.log(design.attrs["y_scale"])) * design.sizes["obs"] for design in designs)
    rhat = max(fit.diagnostics["rhat"] for fit in fits)
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
        found: dict[str, Array] = {}
        first = 0
        for which, space in enumerate(self.spaces):
            own = space.values(vectors[:, first : first + space.dimension])
            found |= {f"{name} {which}": value for name, value in own.items()}
            first += space.dimension
        return found | {CORRELATION: np.clip(2 * ndtr(vectors[:, -1]) - 1, -1 + _MARGIN, 1 - _MARGIN)}

    def log_prior(self, vectors: Array) -> Array:
        """Log prior density on the unconstrained scale : (draws,)."""
        x, a, first = vectors[:, -1], self.shape, 0
        total = lgamma(2 * a) - 2 * lgamma(a) + (a - 1) * (log_ndtr(x) + log_ndtr(-x)) - 0.5 * (x**2 + log(2 * pi))
        for space in self.spaces:
            total = total + space.log_prior(vectors[:, first : first + space.dimension])
            first += space.dimension
        return np.asarray(total)


class JointGram:
    """Cross-products of both outcomes' columns by part of the precision, and the joint marginal likelihood.

    A unit's own coefficients of both outcomes are eliminated together, so that cost is linear in the number of units.
    """

    def __init__(self, terms: tuple[Terms, ...], structure: str) -> None:
        self.terms = terms
        self.serial = serial_errors(structure, terms[0].unit_ix, terms[0].period)  # type: ignore[arg-type]
        self.structure = structure
        self.n_units = int(terms[0].unit_ix.max()) + 1
        self.own = [np.hstack([block.columns for block in t.own]) for t in terms]
        self.shared = [np.hstack([block.columns for block in t.shared]) for t in terms]
        self.q = [columns.shape[1] for columns in self.own]
        self.p = [columns.shape[1] for columns in self.shared]
        self._parts = list(self.serial.components())
        self._blocks = {(a, b): self._cross_products(a, b) for a in (0, 1) for b in (0, 1)}

    def conditional(self, hyper: dict[str, Array]) -> Conditional:
        """The conditional of the coefficients given hyperparameters of B draws, batch by batch."""
        n_draws = hyper[CORRELATION].size
        width = self.n_units * sum(self.q) + sum(self.p) + 1
        size = max(1, BATCH_ELEMENTS // (width * (sum(self.p) + 1)))
        parts = [
            self._conditional({name: value[first : first + size] for name, value in hyper.items()})
            for first in range(0, n_draws, size)
        ]
        fields = ("own_factor", "own_shared", "shared_factor", "log_density")
        return Conditional(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))

    def drawn(self, hyper: dict[str, Array], position: np.ndarray, rng: np.random.Generator) -> list[dict[str, Array]]:
        """Draws of each outcome's parameters by block name and its hyperparameters, mirrored pairs as ``marginal``."""
        own, shared = coefficients(self.conditional(hyper), position, rng)
        found = []
        for which, terms in enumerate(self.terms):
            q, p = _span(self.q, which), _span(self.p, which)
            scalars = {
                name[:-2]: np.concatenate([value[position]] * 2)
                for name, value in hyper.items()
                if name.endswith(f" {which}")
            }
            found.append(scalars | by_block(terms.own, own[..., q]) | by_block(terms.shared, shared[..., p]))
        return found

    def precision(self, hyper: dict[str, Array]) -> Iterator[tuple[int, float, Array, Array, Array]]:
        """Of each part: its rows' count, gap, C^-1 (B, 2, 2), log|C^-1| (B,) and phi (B, 2)."""
        sigma = np.stack([hyper["sigma 0"], hyper["sigma 1"]], axis=1)
        zero = np.zeros_like(sigma)
        rho = np.stack([hyper["rho 0"], hyper["rho 1"]], axis=1) if self.structure == "ar1" else zero
        r = hyper[CORRELATION]
        base = sigma[:, :, None] * sigma[:, None, :]
        base[:, 0, 1] *= r
        base[:, 1, 0] *= r
        product = rho[:, :, None] * rho[:, None, :]
        for kind, d, rows in self._parts:
            if self.structure == "ar1":
                covariance = base / (1 - product) * (1.0 if kind == "first" else 1 - product**d)
                phi = zero if kind == "first" else rho**d
            else:
                covariance = base * (d if kind == "gap" else 1.0)
                phi = zero + float(kind == "gap")
            determinant = covariance[:, 0, 0] * covariance[:, 1, 1] - covariance[:, 0, 1] ** 2
            inverse = np.empty_like(covariance)
            inverse[:, 0, 0], inverse[:, 1, 1] = covariance[:, 1, 1], covariance[:, 0, 0]
            inverse[:, 0, 1] = inverse[:, 1, 0] = -covariance[:, 0, 1]
            yield rows.size, d, inverse / determinant[:, None, None], -np.log(determinant), phi

    def _conditional(self, hyper: dict[str, Array]) -> Conditional:
        n_draws, q, p = hyper[CORRELATION].size, sum(self.q), sum(self.p)
        own = np.zeros((n_draws, self.n_units, q, q))
        own_shared = np.zeros((n_draws, self.n_units, q, p + 1))
        shared = np.zeros((n_draws, p + 1, p + 1))
        parts = list(self.precision(hyper))
        for (a, b), (kinds, own_ab, own_shared_ab, shared_ab) in self._blocks.items():
            weights = np.stack([_weight(parts[part], a, b, kind) for part, kind in kinds], axis=1)
            qa, qb, pa, pb = (_span(self.q, a), _span(self.q, b), _span(self.p, a), _span(self.p, b))
            own[:, :, qa, qb] = np.tensordot(weights, own_ab, 1)
            found = np.tensordot(weights, own_shared_ab, 1)
            own_shared[:, :, qa, pb] = found[..., :-1]
            own_shared[:, :, qa, p] += found[..., -1]
            found = np.tensordot(weights, shared_ab, 1)
            shared[:, pa, pb] = found[:, :-1, :-1]
            shared[:, pa, p] += found[:, :-1, -1]
            shared[:, p, pb] += found[:, -1, :-1]
            shared[:, p, p] += found[:, -1, -1]
        log_q = sum((count * log_det for count, _, _, log_det, _ in parts), start=np.zeros(n_draws))
        rows = 2 * self.terms[0].y.size
        return conditional_of(
            own, own_shared, shared, self._prior("own", hyper), self._prior("shared", hyper), log_q, rows
        )

    def _prior(self, blocks: str, hyper: dict[str, Array]) -> Array:
        """Diagonal of V^-1 : (B, columns of both outcomes)."""
        ones = np.ones((hyper[CORRELATION].size, 1))
        columns = []
        for which, terms in enumerate(self.terms):
            for block in terms.own if blocks == "own" else terms.shared:
                known = block.scale
                scale = hyper[f"{known} {which}"][:, None] if isinstance(known, str) else ones * known
                columns.append(np.repeat(scale**-2.0, block.columns.shape[1], axis=1))
        return np.hstack(columns)

    def _cross_products(self, a: int, b: int) -> tuple[list[tuple[int, str]], Array, Array, Array]:
        """Of outcome a's with b's columns: parts, (part, N, q, q), (part, N, q, p + 1) and (part, p + 1, p + 1)."""
        left, right = (np.column_stack([self.own[i], self.shared[i], self.terms[i].y]) for i in (a, b))
        kinds: list[tuple[int, str]] = []
        grams = []
        for part, (kind, _, rows) in enumerate(self._parts):
            pairs = [("now", left[rows], right[rows])]
            if kind == "gap":
                pairs += [
                    ("now x before", left[rows], right[rows - 1]),
                    ("before x now", left[rows - 1], right[rows]),
                    ("before", left[rows - 1], right[rows - 1]),
                ]
            for label, x, y in pairs:
                kinds.append((part, label))
                grams.append(self._by_unit(x, y, self.terms[0].unit_ix[rows]))
        stacked = np.stack(grams)
        q_a, q_b = self.q[a], self.q[b]
        return kinds, stacked[:, :, :q_a, :q_b], stacked[:, :, :q_a, q_b:], stacked[:, :, q_a:, q_b:].sum(axis=1)

    def _by_unit(self, left: Array, right: Array, unit: Array) -> Array:
        out = np.zeros((self.n_units, left.shape[1], right.shape[1]))
        for i in np.unique(unit):
            rows = unit == i
            out[i] = left[rows].T @ right[rows]
        return out


def _weight(part: tuple[int, float, Array, Array, Array], a: int, b: int, kind: str) -> Array:
    """The coefficient (B,) of one cross-product of outcomes a and b in the precision."""
    _, _, inverse, _, phi = part
    factor: dict[str, Array] = {
        "now": np.ones(len(phi)),
        "now x before": -phi[:, b],
        "before x now": -phi[:, a],
        "before": phi[:, a] * phi[:, b],
    }
    return np.asarray(inverse[:, a, b] * factor[kind])


def _span(sizes: list[int], which: int) -> slice:
    """The columns of one outcome among those of both."""
    first = sum(sizes[:which])
    return slice(first, first + sizes[which])


def _on_common_rows(first: Analysis, second: Analysis) -> tuple[Design, Design]:
    """The designs of both on the rows that both have; cells that only one has are left out of both."""
    panel = first.panel
    names = {name for a in (first, second) for name in (a.card.outcome, *a.card.covariates, *a.card.modifiers)}
    both = np.logical_and.reduce([np.isfinite(panel[name].to_numpy()) for name in sorted(map(str, names))])
    mask = xr.DataArray(both, dims=panel[str(first.card.outcome)].dims, coords=panel.coords)
    kept = panel.assign({str(a.card.outcome): panel[str(a.card.outcome)].where(mask) for a in (first, second)})
    return first.replace(panel=kept).design, second.replace(panel=kept).design


def _fit(analysis: Analysis, design: Design, values: dict[str, Array], khat: float, ess: float, seed: int) -> Fit:
    card: ModelCard = analysis.card
    parameters = to_parameters(design, card, values)
    groups = assemble(design, card, parameters, pointwise=False, seed=seed)
    rhat = split_rhat(parameters["effect"].mean(axis=(1, 2)).reshape(card.sampler.chains, -1))
    diagnostics = {"engine": "marginal", "ess": ess, "khat": khat, "rhat": rhat, "divergences": 0, "notes": []}
    return Fit(analysis, design, xr.DataTree.from_dict(groups), diagnostics, None)
