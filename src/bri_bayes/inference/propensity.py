"""What is known about each unit's propensity of treatment? Draws of the score, and of its prior.

The logit on one row a unit has as many parameters as covariates and one more; its posterior is unimodal and proper
whatever the data, separated or not, since the prior is proper and the likelihood at most one. Importance sampling
around the mode gives it in milliseconds (``inference.importance``); where k-hat is above 0.7, and for rows a unit and
year, NUTS samples the PyMC model.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma, log, pi

import numpy as np
from scipy.special import expit

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.design.pre_period import PrePeriod
from bri_bayes.inference.importance import KHAT_LIMIT, sample_by_importance
from bri_bayes.models.propensity import build_propensity, score_of
from bri_bayes.study.model_card import ModelCard
from bri_bayes.study.propensity_specification import PropensityPrior

# Importance proposals; four parameters need few.
PROPOSALS = 8000


@dataclass(frozen=True, eq=False)
class PropensityDraws:
    """``coefficients`` : (draw, term), the intercept first, then a slope a covariate with unit sd;
    ``linear`` : (draw, unit) log odds of treatment; ``engine``, ``khat``, ``ess``, ``rhat`` as of a fit.
    """

    coefficients: Array
    linear: Array
    engine: str
    khat: float | None
    ess: float
    rhat: float

    @property
    def score(self) -> Array:
        """Probability of treatment (draw, unit)."""
        return np.asarray(expit(self.linear))


def sample_propensity(pre: PrePeriod, card: ModelCard, seed: int, *, draws: int = 2000) -> PropensityDraws:
    """Posterior draws of the logit of ``card`` on ``pre``: treatment and covariates only, no outcome."""
    prior = prior_of(card)
    if prior.rows == "unit_period":
        return _by_nuts(pre, card, prior, seed, draws)
    columns = np.column_stack([np.ones(pre.sizes["unit"]), pre["standard"].to_numpy()])
    signs = np.where(pre["treated"].to_numpy(), 1.0, -1.0)
    rng = np.random.default_rng([seed, 19])

    def log_density(vectors: Array) -> Array:
        likelihood = -np.logaddexp(0.0, -signs * (vectors @ columns.T)).sum(axis=1)
        return np.asarray(likelihood + _log_prior(vectors, prior))

    weighted = sample_by_importance(log_density, np.zeros(columns.shape[1]), PROPOSALS, rng)
    if weighted.khat > KHAT_LIMIT:
        return _by_nuts(pre, card, prior, seed, draws)
    chosen = weighted.vectors[rng.permutation(_systematic(weighted.weights, draws, rng))]
    return PropensityDraws(chosen, chosen @ columns.T, "marginal", weighted.khat, weighted.ess, 1.0)


def prior_propensity(pre: PrePeriod, card: ModelCard, seed: int, *, draws: int = 2000) -> PropensityDraws:
    """Draws from the prior: what the card says about the scores before anybody is seen to be treated."""
    prior = prior_of(card)
    rng = np.random.default_rng([seed, 20])
    scales = np.r_[prior.intercept, np.full(pre.sizes["covariate"], prior.scale)]
    coefficients = rng.standard_t(prior.df, (draws, scales.size)) * scales
    linear = score_of(pre, coefficients[:, 0], coefficients[:, 1:])
    return PropensityDraws(coefficients, linear, "prior", None, float(draws), 1.0)


def prior_of(card: ModelCard) -> PropensityPrior:
    """The [propensity] table of a card."""
    if card.propensity is None:
        raise InputError(f'the card "{card.name}" is no propensity card; it has no [propensity] table')
    return card.propensity


def _log_prior(vectors: Array, prior: PropensityPrior) -> Array:
    df, size = prior.df, vectors.shape[1]
    scales = np.r_[prior.intercept, np.full(size - 1, prior.scale)]
    norm = size * (lgamma((df + 1) / 2) - lgamma(df / 2) - 0.5 * log(df * pi)) - float(np.log(scales).sum())
    return np.asarray(norm - (df + 1) / 2 * np.log1p((vectors / scales) ** 2 / df).sum(axis=1))


def _systematic(weights: Array, size: int, rng: np.random.Generator) -> Index:
    points = (np.arange(size) + rng.random()) / size
    return np.minimum(np.searchsorted(np.cumsum(weights), points), weights.size - 1)


def _by_nuts(pre: PrePeriod, card: ModelCard, prior: PropensityPrior, seed: int, draws: int) -> PropensityDraws:
    from arviz_stats.base import array_stats

    from bri_bayes.inference.convergence import split_rhat
    from bri_bayes.inference.nuts import sample_model

    tree, _ = sample_model(build_propensity(pre, prior), card, seed)
    posterior = tree["posterior"]
    intercept, slope = posterior["intercept"].to_numpy(), posterior["slope"].to_numpy()
    coefficients = np.concatenate([intercept[..., None], slope], axis=-1)
    columns = [coefficients[..., at] for at in range(coefficients.shape[-1])]
    ess = float(min(np.min(array_stats.ess(column, chain_axis=0, draw_axis=1)) for column in columns))
    rhat = max(split_rhat(column) for column in columns)
    flat = coefficients.reshape(-1, coefficients.shape[-1])
    kept = flat[np.random.default_rng([seed, 21]).permutation(len(flat))[:draws]]
    return PropensityDraws(kept, score_of(pre, kept[:, 0], kept[:, 1:]), "nuts", None, ess, rhat)
