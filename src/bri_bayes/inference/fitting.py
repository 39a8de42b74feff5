"""Which engine, and is its answer to be trusted? ``fit`` turns an ``Analysis`` into a ``Fit``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import WEIGHT
from bri_bayes.design.analysis import Analysis, Fit, FitStore
from bri_bayes.design.design import Design
from bri_bayes.design.log_link import zeros_that_decide
from bri_bayes.inference.convergence import ESS_LIMIT, RHAT_LIMIT, split_rhat, worst
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.marginal import MarginalDraws, is_feasible, sample_marginal, to_parameters
from bri_bayes.inference.nuts import THINNING, NutsSampler, sample_nuts, sampler_alike
from bri_bayes.inference.scale_mixture import covers as covers_mixture
from bri_bayes.inference.scale_mixture import sample_mixture
from bri_bayes.inference.to_datatree import assemble
from bri_bayes.study.model_card import ModelCard

# Up to this share of divergent transitions is reported and let through, more fails the gate.
DIVERGENCE_SHARE = 0.001
ENGINES = ("auto", "marginal", "nuts")


def fit(
    analysis: Analysis,
    *,
    engine: str = "auto",
    seed: int = 0,
    cache: FitStore | None = None,
    pointwise: bool = True,
    progress: bool = False,
) -> Fit:
    """Posterior of ``analysis``.

    ``engine`` "auto" takes the closed form where the card allows it and falls back to NUTS, with a note, where its
    k-hat is above 0.7, and a card with Student-t innovations by a Gibbs sampler (``scale_mixture``) where that is
    short; "marginal" insists and notes the k-hat; "nuts" samples with NUTS. ``pointwise`` False leaves out
    log_likelihood and posterior_predictive (refits do not need them); a card with a log link has the latter alone. With
    a ``cache`` a known fit is read back.
    """
    if engine not in ENGINES:
        raise InputError(f'engine "{engine}" is unknown; {suggest(engine, ENGINES)}')
    key = f"fit-{analysis.digest}-{engine}-{seed}-{int(pointwise)}"
    if cache is not None and (stored := cache.read_fit(key, analysis)) is not None:
        return stored
    sample = partial(sample_nuts, progress=progress)
    result = _fit(analysis, engine, seed, pointwise=pointwise, sample=sample, progress=progress)
    if cache is not None:
        cache.write_fit(key, result)
    return result


def fit_outcomes(analyses: Mapping[str, Analysis], *, seed: int) -> dict[str, Fit]:
    """As ``fit`` of each, of one card to several outcomes: where only the outcome differs, one model is compiled."""
    sample = sampler_alike()
    return {name: _fit(analysis, "auto", seed, pointwise=True, sample=sample) for name, analysis in analyses.items()}


def is_trustworthy(fit_: Fit) -> bool:
    """The diagnostic gate: R-hat below 1.01, ESS above 400, k-hat below 0.7, few divergences if any.

    Draws of the closed form are independent, so that their R-hat is noise (above 1.01 in one fit of a hundred with 400
    draws a chain), and k-hat and ESS judge the sample behind them.
    """
    diagnostics = fit_.diagnostics
    met = diagnostics["engine"] == "marginal" or diagnostics["rhat"] < RHAT_LIMIT
    converged = met and diagnostics["ess"] > ESS_LIMIT
    khat = diagnostics["khat"]
    sampler = fit_.analysis.card.sampler
    few = diagnostics["divergences"] <= DIVERGENCE_SHARE * sampler.chains * sampler.draws * THINNING
    return bool(converged and (khat is None or khat < KHAT_LIMIT) and few)


def _fit(
    analysis: Analysis, engine: str, seed: int, *, pointwise: bool, sample: NutsSampler, progress: bool = False
) -> Fit:
    started = time.perf_counter()
    card, design, notes = analysis.card, analysis.design, []
    if WEIGHT in design and (pointwise or engine == "nuts" or not is_feasible(design, card)):
        raise InputError(
            f'weights are made for the closed form, and the card "{card.name}" with engine "{engine}" needs another: '
            "take a normal card and leave --engine out, or leave --weights out"
        )
    if card.structure == "propensity":
        raise InputError(
            f'the card "{card.name}" models the treatment and not an outcome: bri-bayes propensity runs it'
        )
    if card.structure == "formula":
        if engine == "marginal":
            raise InputError(f'the closed-form engine does not cover the formula card "{card.name}"; use "nuts"')
        from bri_bayes.inference.formula import fit_formula

        return fit_formula(analysis, seed, progress=progress)
    if engine == "marginal" and not is_feasible(design, card):
        raise InputError(f'the closed-form engine does not cover the card "{card.name}" on this panel; use "nuts"')
    if engine != "nuts" and is_feasible(design, card):
        draws = sample_marginal(design, card, seed)
        if draws.khat < KHAT_LIMIT or engine == "marginal":
            values = to_parameters(design, card, draws.values)
            groups = assemble(design, card, values, pointwise=pointwise, seed=seed)
            groups["sample_stats"] = xr.Dataset(attrs={"engine": "marginal"})
            if draws.khat >= KHAT_LIMIT:
                notes.append(f"k-hat is {draws.khat:.2f}, above {KHAT_LIMIT}: the importance sample is not reliable")
            diagnostics = {
                "engine": "marginal",
                "ess": draws.ess,
                # Draws are independent given the importance sample, which k-hat and ess judge: watch the effect alone.
                "rhat": split_rhat(values["effect"].mean(axis=(1, 2)).reshape(card.sampler.chains, -1)),
                "khat": draws.khat,
                "divergences": 0,
            }
            return _result(analysis, groups, diagnostics, notes, started, draws)
        if WEIGHT in design:
            raise InputError(
                f"k-hat is {draws.khat:.2f}, above {KHAT_LIMIT}, and NUTS takes no weights: leave --weights out"
            )
        notes.append(f"k-hat is {draws.khat:.2f}, above {KHAT_LIMIT}: fell back from the closed form to NUTS")
    if card.has_log_link:
        notes += zeros_that_decide(design, card)
    mixture = engine == "auto" and covers_mixture(design, card)
    values, statistics = _by_gibbs(design, card, seed) if mixture else sample(design, card, seed)
    statistics = {"engine": "gibbs" if mixture else "nuts", **statistics}
    groups = assemble(design, card, values, pointwise=pointwise, seed=seed)
    groups["sample_stats"] = xr.Dataset(attrs=statistics)
    rhat, ess = _worst(card, values)
    named = {name: statistics[name] for name in ("engine", "divergences")}
    diagnostics = {**named, "ess": ess, "rhat": rhat, "khat": None}
    if statistics["divergences"]:
        notes.append(f"{statistics['divergences']} divergent transitions")
    return _result(analysis, groups, diagnostics, notes, started, None)


def _by_gibbs(design: Design, card: ModelCard, seed: int) -> tuple[dict[str, Array], dict[str, Any]]:
    return sample_mixture(design, card, seed), {"divergences": 0}


def _result(
    analysis: Analysis,
    groups: dict[str, xr.Dataset],
    diagnostics: dict[str, Any],
    notes: list[str],
    started: float,
    closed_form: MarginalDraws | None,
) -> Fit:
    seconds = round(time.perf_counter() - started, 4)
    tree = xr.DataTree.from_dict(groups)
    complete = {**diagnostics, "notes": notes, "seconds": seconds}
    if closed_form is None:
        return Fit(analysis, analysis.design, tree, complete, None)
    return Fit(analysis, analysis.design, tree, complete, closed_form.log_marginal, closed_form.exact)


def _worst(card: ModelCard, values: dict[str, Array]) -> tuple[float, float]:
    """Largest R-hat and smallest bulk ESS over the scalars and the average effect."""
    chains = card.sampler.chains
    watched = [value for name, value in values.items() if value.ndim == 1 and name in _WATCHED]
    watched.append(values["effect"].mean(axis=(1, 2)))
    return worst(value.reshape(chains, -1) for value in watched)


_WATCHED = {"sigma", "rho", "omega", "eta", "omega_modifier", "sigma_period", "trend_step", "nu", "kappa", "noise"}
