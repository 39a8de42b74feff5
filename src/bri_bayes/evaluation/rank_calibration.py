"""Is the posterior the posterior? Simulation-based calibration: ranks of the truth among the draws, over prior panels.

If parameters come from the prior and a panel from the model, the rank of each true parameter among L independent
posterior draws is uniform on 0..L, whatever the prior (Talts, Betancourt, Simpson, Vehtari & Gelman 2018,
doi:10.48550/arXiv.1804.06788). The ECDF of N ranks is compared with the uniform one inside a band that holds
everywhere at once with a given probability (Saeilynoja, Buerkner & Vehtari 2022, doi:10.1007/s11222-022-10090-6).

The scaling of the outcome is held fixed, for it is a unit of measurement: with a scaling learned from each panel the
prior of one panel would not be that of the next. Panels then differ in the outcome alone, so NUTS compiles once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import PROB
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import coloured, serial_errors
from bri_bayes.design.linear_terms import Block, Terms, build_terms
from bri_bayes.inference.hyperparameters import Hyperparameters, hyperparameters, reported
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.marginal import sample_marginal, to_parameters
from bri_bayes.inference.nuts import sampler_of_outcomes
from bri_bayes.study.model_card import ModelCard

# Posterior draws that a truth is ranked among: 100 possible ranks.
DRAWS = 99
# Total over within spread of the outcome, which sets the width of the wide priors: about that of log trade.
SPREAD_RATIO = 3.0
# NUTS: with the engine's own thinning 600 draws kept of 2,400, of which every sixth or seventh is ranked against.
NUTS_CHAINS, NUTS_DRAWS = 2, 300
# Simulated sets of uniform ranks behind a band.
_SETS = 4000


# The draws of each wanted name : (R,), and what says whether to believe them, from a design and a seed.
Engine = Callable[[Design, Iterable[str], int], tuple[dict[str, Array], tuple[float, ...]]]


def prior_ranks(design: Design, card: ModelCard, *, panels: int, seed: int) -> tuple[dict[str, Index], Array]:
    """Ranks of the truth among ``DRAWS`` draws, name -> (panel,), and the k-hat of each panel : (panel,).

    Every scalar, and every element of the levels, periods, common path, deviations and effects of a few units and
    periods; "att" is the average of the effect over treated units and event times.
    """

    def closed_form(drawn: Design, names: Iterable[str], seed: int) -> tuple[dict[str, Array], tuple[float, ...]]:
        sample = sample_marginal(drawn, card, seed)
        parameters = _watched(to_parameters(drawn, card, sample.values))
        # The other half are mirror images, not independent of these.
        return {name: parameters[name][: parameters[name].size // 2] for name in names}, (sample.khat,)

    ranks, quality = _ranks(_fixed_scaling(design), card, closed_form, panels, seed)
    return ranks, quality[:, 0]


def nuts_ranks(design: Design, card: ModelCard, *, panels: int, seed: int) -> tuple[dict[str, Index], Array, Array]:
    """As ``prior_ranks`` on the same panels, for NUTS; the smallest bulk ESS and the divergences of each : (panel,).

    Warm-up and target are the card's. With an ESS of n below ``DRAWS`` the ranks of a right posterior spread too
    widely, by the factor sqrt(1 + 2 (1/n - 1/DRAWS)): 1.01 at n = 33.
    """
    from arviz_stats.base import array_stats

    fixed = _fixed_scaling(design)
    settings = dataclasses.replace(card.sampler, chains=NUTS_CHAINS, draws=NUTS_DRAWS)
    sample = sampler_of_outcomes(fixed, dataclasses.replace(card, sampler=settings))

    def nuts(drawn: Design, names: Iterable[str], seed: int) -> tuple[dict[str, Array], tuple[float, ...]]:
        values, statistics = sample(drawn["y"].to_numpy(), seed)
        parameters = _watched(values)
        posterior = {name: parameters[name] for name in names}
        shaped = [value.reshape(NUTS_CHAINS, -1) for value in posterior.values()]
        ess = min(float(np.min(array_stats.ess(value, chain_axis=0, draw_axis=1))) for value in shaped)
        return posterior, (ess, float(statistics["divergences"]))

    ranks, quality = _ranks(fixed, card, nuts, panels, seed)
    return ranks, quality[:, 0], quality[:, 1]


def rank_table(ranks: dict[str, Index], khat: Array | None = None, *, prob: float = PROB) -> pd.DataFrame:
    """A row a parameter: ``mean`` rank as a share (1/2 if unbiased), ``spread`` against uniform (1 if as wide as it
    should be), ``largest`` difference of the ECDF, ``band`` at that place, ``inside`` the simultaneous band.

    ``p`` : how often uniform ranks would leave as far; ``khat_above`` : share of panels with a k-hat above 0.7,
    if there is one.
    """
    size = next(iter(ranks.values())).size
    reference = _reference(size)
    level = float(np.quantile(reference, 1 - prob))
    lower, upper = band_of(size, prob=prob)
    rows: list[dict[str, Any]] = []
    for name, of_name in ranks.items():
        difference = ecdf_difference(of_name)
        tail = float(_smallest_tails(of_name[None, :])[0])
        at = int(np.abs(difference).argmax())
        rows.append(
            {
                "parameter": name,
                "mean": float(((of_name + 0.5) / (DRAWS + 1)).mean()),
                "spread": float(of_name.std() / np.sqrt(((DRAWS + 1) ** 2 - 1) / 12)),
                "largest": float(difference[at]),
                "band": float(upper[at] if difference[at] > 0 else lower[at]),
                "p": float((reference <= tail).mean()),
                "inside": bool(tail >= level),
            }
        )
    table = pd.DataFrame(rows).assign(panels=size)
    return table if khat is None else table.assign(khat_above=float((khat >= KHAT_LIMIT).mean()))


def ecdf_difference(ranks: Index) -> Array:
    """Share of ranks at most r, less (r + 1) / (L + 1), for r = 0 .. L - 1 : (L,)."""
    counts = np.bincount(ranks, minlength=DRAWS + 1).cumsum()[:-1]
    return np.asarray(counts / ranks.size - _points())


def band_of(size: int, *, prob: float = PROB) -> tuple[Array, Array]:
    """Ends of the band that holds all ECDF differences of ``size`` uniform ranks with ``prob`` : (L,) each."""
    from scipy.stats import binom

    level, points = float(np.quantile(_reference(size), 1 - prob)), _points()
    lower, upper = binom.ppf(level / 2, size, points), binom.isf(level / 2, size, points)
    return lower / size - points, upper / size - points


def _fixed_scaling(design: Design) -> Design:
    return design.assign_attrs(y_center=0.0, y_scale=1.0, y_sd=SPREAD_RATIO)


def _ranks(design: Design, card: ModelCard, engine: Engine, panels: int, seed: int) -> tuple[dict[str, Index], Array]:
    """Ranks of the truth among draws spaced evenly : (panel,) each, and what the engine says : (panel, ...)."""
    terms = build_terms(design, card)
    space = hyperparameters(terms, card)
    ranks: dict[str, list[int]] = {}
    quality = []
    for panel in range(panels):
        rng = np.random.default_rng([seed, panel])
        y, values = _panel_from_prior(terms, space, rng)
        drawn = design.assign(y=(design["y"].dims, y))
        truth = _watched(to_parameters(drawn, card, values))
        posterior, khat = engine(drawn, truth, int(rng.integers(2**31)))
        quality.append(khat)
        for name, value in posterior.items():
            chosen = value[np.linspace(0, value.size - 1, DRAWS).astype(int)]
            ranks.setdefault(name, []).append(int((chosen < truth[name][0]).sum()))
    return {name: np.array(listed) for name, listed in ranks.items()}, np.array(quality)


def _reference(size: int) -> Array:
    """``_smallest_tails`` of sets of uniform ranks : (_SETS,)."""
    return _smallest_tails(np.random.default_rng(0).integers(0, DRAWS + 1, (_SETS, size)))


def _points() -> Array:
    return np.arange(1, DRAWS + 1) / (DRAWS + 1)


def _smallest_tails(ranks: Index) -> Array:
    """The smallest two-sided binomial tail over all ranks of each set : (sets,) for ranks (sets, size)."""
    from scipy.stats import binom

    size, points = ranks.shape[1], _points()
    counts = np.stack([np.bincount(row, minlength=DRAWS + 1).cumsum()[:-1] for row in ranks])
    below, above = binom.cdf(counts, size, points), binom.sf(counts - 1, size, points)
    return np.asarray(2 * np.minimum(below, above).min(axis=1))


def _panel_from_prior(terms: Terms, space: Hyperparameters, rng: np.random.Generator) -> tuple[Array, dict[str, Array]]:
    """A standardised outcome (obs,) and the parameters behind it, in the form of the engine's draws (1, ...)."""
    values = space.values(_prior_vector(space, rng)[None, :])
    n_units = int(terms.unit_ix.max()) + 1
    y = np.zeros(terms.y.size)
    for blocks, leading in ((terms.per_unit, (1, n_units)), (terms.shared, (1,))):
        for block in blocks:
            coefficients = rng.standard_normal((*leading, block.columns.shape[1])) * _scale(block, values)
            coefficient = coefficients[0][terms.unit_ix] if len(leading) == 2 else coefficients[0]
            y += (block.columns * coefficient).sum(axis=1)
            known = values.get(block.name)
            values[block.name] = coefficients if known is None else np.concatenate([known, coefficients], axis=-1)
    serial = serial_errors(space.card.errors.structure, terms.unit_ix, terms.period)
    sigma, rho = values.get("sigma_unit", values["sigma"]), values.get("rho", np.zeros(1))
    error = coloured(serial, rng.standard_normal((1, y.size)), *serial.transition(sigma, rho))
    return y + error[0], reported(values)


def _prior_vector(space: Hyperparameters, rng: np.random.Generator) -> Array:
    """Unconstrained hyperparameters from their prior : (dimension,)."""
    priors = space.card.priors
    vector = rng.standard_normal(space.dimension)
    sigma = float(np.abs(rng.standard_t(3))) * priors.sigma
    vector[space.names.index("sigma")] = np.log(sigma)
    if "rho" in space.names:
        vector[space.names.index("rho")] = ndtri(rng.beta(*priors.rho))
    if space.n_units:
        vector[len(space.names) :] = np.log(sigma) + priors.sigma_spread * rng.standard_normal(space.n_units)
    return vector


def _scale(block: Block, values: dict[str, Array]) -> float:
    return float(values[block.scale][0]) if isinstance(block.scale, str) else block.scale


def _watched(parameters: dict[str, Array]) -> dict[str, Array]:
    """Scalars (R,), the first and last element of what has more, and the ATT."""
    watched: dict[str, Array] = {}
    for name, value in parameters.items():
        flat = value.reshape(len(value), -1)
        if value.ndim == 1:
            watched[name] = value
        elif flat.shape[1]:
            watched[f"{name} (first)"], watched[f"{name} (last)"] = flat[:, 0], flat[:, -1]
    watched["att"] = parameters["effect"].mean(axis=(1, 2))
    return watched
