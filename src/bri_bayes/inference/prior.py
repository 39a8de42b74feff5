"""What does a card expect before it sees the outcome? Draws from its prior, in the form of a fit.

Only what the design fixes is used: rows, treatment, covariates, and the scaling of the outcome, on which the priors
live. So every estimand of a posterior is also one of the prior.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import xarray as xr
from scipy.special import ndtri

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.linear_terms import Block, build_terms
from bri_bayes.inference.hyperparameters import AUTOCORRELATIONS, NOISE, Hyperparameters, hyperparameters
from bri_bayes.inference.marginal import by_block, to_parameters
from bri_bayes.inference.to_datatree import assemble


def prior_fit(analysis: Analysis, draws: int = 4000, seed: int = 0) -> Fit:
    """Independent draws from the prior of a normal linear card; ``posterior_predictive`` holds outcomes it expects.

    h ~ p(h),  coefficients | h ~ N(0, diag(v(h))),  y | both from the error model.
    """
    design, card = analysis.design, analysis.card
    if not card.is_marginal:
        raise InputError(f'the card "{card.name}" is not a normal linear card: its prior is not drawn here')
    chains = card.sampler.chains
    each = -(-draws // chains)
    sampled = dataclasses.replace(card, sampler=dataclasses.replace(card.sampler, draws=max(each, 100)))
    terms, rng = build_terms(design, card), np.random.default_rng(seed)
    space = hyperparameters(terms, card)
    hyper = space.values(_hyper_vectors(space, chains * max(each, 100), rng))
    n_units = design.sizes["unit"]
    per_unit = [_coefficients(block, hyper, rng, (n_units,)) for block in terms.per_unit]
    shared = [_coefficients(block, hyper, rng, ()) for block in terms.shared]
    n_groups = 0 if terms.group_ix is None else int(terms.group_ix.max()) + 1
    grouped = [_coefficients(block, hyper, rng, (n_groups,)) for block in terms.grouped]
    values = hyper | by_block(terms.per_unit, np.concatenate(per_unit, axis=-1))
    values |= by_block(terms.shared, np.concatenate(shared, axis=-1))
    if grouped:
        values |= by_block(terms.grouped, np.concatenate(grouped, axis=-1))
    groups = assemble(design, sampled, to_parameters(design, card, values), pointwise=True, seed=seed)
    groups["sample_stats"] = xr.Dataset(attrs={"engine": "prior"})
    diagnostics = {"engine": "prior", "ess": chains * each, "rhat": 1.0, "khat": None, "divergences": 0, "notes": []}
    return Fit(analysis.replace(card=sampled), design, xr.DataTree.from_dict(groups), diagnostics, None)


def half_t3(size: int, scale: float, rng: np.random.Generator) -> Array:
    """Draws of a half-t with three degrees of freedom."""
    return np.asarray(scale * np.abs(rng.standard_t(3, size)))


def _hyper_vectors(space: Hyperparameters, size: int, rng: np.random.Generator) -> Array:
    """Unconstrained vectors from the prior : (draws, dimension)."""
    priors, columns = space.card.priors, []
    for name in space.names:
        if name == "sigma":
            columns.append(np.log(half_t3(size, priors.sigma, rng)))
        elif name in AUTOCORRELATIONS:
            shapes: tuple[float, float] = getattr(priors, AUTOCORRELATIONS[name])
            share = np.clip(rng.beta(*shapes, size), 1e-12, 1 - 1e-12)
            columns.append(ndtri(share))
        else:
            columns.append(rng.standard_normal(size))
    if NOISE in space.names:
        at, angle = space.names.index("sigma"), space.names.index(NOISE)
        noise = np.abs(priors.noise * columns[angle])
        columns[at], columns[angle] = space.vectors(np.exp(columns[at]), noise)
    if space.n_units:
        log_sigma = columns[space.names.index("sigma")]
        columns += [log_sigma + priors.sigma_spread * rng.standard_normal(size) for _ in range(space.n_units)]
    return np.column_stack(columns)


def _coefficients(block: Block, hyper: dict[str, Array], rng: np.random.Generator, units: tuple[int, ...]) -> Array:
    """Coefficients of a block : (draws, ..., columns)."""
    size = hyper["sigma"].size
    scale = hyper[block.scale] if isinstance(block.scale, str) else np.full(size, block.scale)
    z = rng.standard_normal((size, *units, block.columns.shape[1]))
    if block.dependence is not None:
        factor = np.linalg.cholesky(np.linalg.inv(block.dependence.precision(hyper)))
        z = np.einsum("btk,b...k->b...t", factor, z)
    return np.asarray(z * scale.reshape(-1, *[1] * (z.ndim - 1)))


def prior_density(name: str, scale: float | tuple[float, float], x: Array) -> Array:
    """Prior density of a group scale, of sigma or of an autocorrelation at ``x``, on the standardised scale."""
    from scipy.stats import beta, halfnorm, lognorm, t

    if isinstance(scale, tuple):
        if name in AUTOCORRELATIONS:
            return np.asarray(beta.pdf((x + 1) / 2, *scale) / 2)
        return np.asarray(lognorm.pdf(x, scale[1], scale=scale[0]))
    if name == "sigma":
        return np.asarray(np.where(x >= 0, 2 * t.pdf(x / scale, 3) / scale, 0.0))
    return np.asarray(halfnorm.pdf(x, scale=scale))


def prior_cdf(name: str, scale: float | tuple[float, float], x: Array) -> Array:
    """Prior distribution function of a group scale, of sigma or of an autocorrelation, on the standardised scale."""
    from scipy.stats import beta, halfnorm, lognorm, t

    if isinstance(scale, tuple):
        if name in AUTOCORRELATIONS:
            return np.asarray(beta.cdf((x + 1) / 2, *scale))
        return np.asarray(lognorm.cdf(x, scale[1], scale=scale[0]))
    if name == "sigma":
        return np.asarray(np.maximum(2 * t.cdf(x / scale, 3) - 1, 0.0))
    return np.asarray(halfnorm.cdf(x, scale=scale))


def prior_quantile(name: str, scale: float | tuple[float, float], p: float) -> float:
    """The p-quantile of the prior of a group scale, of sigma or of an autocorrelation, on the standardised scale."""
    from scipy.stats import beta, halfnorm, lognorm, t

    if isinstance(scale, tuple):
        if name in AUTOCORRELATIONS:
            return float(2 * beta.ppf(p, *scale) - 1)
        return float(lognorm.ppf(p, scale[1], scale=scale[0]))
    return float(scale * t.ppf((1 + p) / 2, 3) if name == "sigma" else halfnorm.ppf(p, scale=scale))
