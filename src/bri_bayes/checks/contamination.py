"""What if the controls had a part of the effect? The ATT for each share kappa, and what the data say about kappa.

A contaminated control, k periods after it was exposed, has kappa times what a treated unit has k periods after its
onset (``card.Contamination``). The ATT stays that of the cells of the treated units. With m(kappa) the exact
marginal likelihood of the card with a fixed share, on a grid,

    p(kappa | y) = m(kappa) p(kappa) / sum,     p(att | y) = sum_kappa p(kappa | y) p(att | y, kappa)

``learned`` : what the data say about kappa, the Kullback-Leibler divergence of its posterior from its prior in bits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from bri_bayes.checks.refits import Refit
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result
from bri_bayes.core.names import PERIOD
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.linear import att_effect
from bri_bayes.inference.fitting import fit, is_trustworthy
from bri_bayes.study.model_card import Contamination

# Fixed shares of the grid; its trapezoids are the quadrature over kappa.
SHARES = tuple(round(float(share), 2) for share in np.linspace(0, 1, 11))
# Below this many bits the data have hardly spoken: a coin that comes up heads in 59 of 100 throws says as much of it.
HARDLY_LEARNED = 0.1


@dataclass(frozen=True)
class LearnedShare(Result):
    """The ATT and kappa, when kappa is one more unknown of the model."""

    att: Effect
    kappa: Effect
    engine: str
    trustworthy: bool


@dataclass(frozen=True)
class Moments(Result):
    """The first two of a mixture."""

    mean: float
    sd: float


@dataclass(frozen=True)
class ShareQuadrature(Result):
    """``density`` : of kappa at each fixed share; ``att`` : of the mixture; ``learned`` : bits."""

    density: Sequence[float | None]
    kappa: Moments
    att: Moments
    learned: float


@dataclass(frozen=True)
class Contaminated(LearnedShare):
    """The learned share beside the quadrature over fixed ones; ``since`` : exposure of the controls.

    ``prior`` : shapes of the Beta prior of kappa.
    """

    since: Mapping[str, int]
    quadrature: ShareQuadrature
    prior: tuple[float, float] = (1.0, 1.0)


def contaminated(analysis: Analysis, since: Mapping[str, int], share: float | None) -> Analysis:
    """The recipe with controls exposed from ``since`` on: a fixed ``share``, or None to learn it."""
    return analysis.replace(card=dataclasses.replace(analysis.card, contamination=Contamination(dict(since), share)))


def no_contamination(analysis: Analysis, since: Mapping[str, int]) -> str | None:
    """Why the card of the recipe cannot give controls a share of the effect; None where it can."""
    try:
        contaminated(analysis, since, None)
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    last = int(analysis.panel[PERIOD].max())
    return None if min(since.values()) <= last else f"no control is exposed before the last period, {last}"


def learned_share(analysis: Analysis, since: Mapping[str, int], seed: int) -> LearnedShare:
    """kappa as one more unknown of the model, under a uniform prior: its posterior and the ATT."""
    result = fit(contaminated(analysis, since, None), seed=seed, pointwise=False)
    kappa = result.posterior["posterior"].to_dataset()["kappa"]
    share = Effect.of_draws(kappa.to_numpy())
    return LearnedShare(att_effect(result), share, result.diagnostics["engine"], is_trustworthy(result))


def over_shares(records: Mapping[float, Refit]) -> ShareQuadrature:
    """The quadrature over fixed shares, each with its refit: posterior of kappa.

    A share stands for all that are nearer to it than to another one. One whose fit fell back to sampling has no
    marginal likelihood: it is passed over. ``density`` is that of kappa at each share, the ATT that of the mixture.
    """
    known = {share: record for share, record in records.items() if record.log_marginal is not None}
    shares = np.array(list(known))
    log_marginal = np.array([record.log_marginal for record in known.values()], dtype=float)
    width = np.diff(np.concatenate([[0.0], (shares[1:] + shares[:-1]) / 2, [1.0]]))
    likelihood = np.exp(log_marginal - log_marginal.max())
    density = likelihood / (likelihood @ width)
    weight = density * width
    mean, sd = (np.array([getattr(record.att, name) for record in known.values()]) for name in ("mean", "sd"))
    at = dict(zip(shares.tolist(), density.tolist(), strict=True))
    center = float(weight @ mean)
    kappa = float(weight @ shares)
    return ShareQuadrature(
        density=[at.get(share) for share in records],
        kappa=Moments(kappa, float(np.sqrt(weight @ (shares - kappa) ** 2))),
        att=Moments(center, float(np.sqrt(weight @ (sd**2 + (mean - center) ** 2)))),
        learned=float(weight @ np.log2(np.maximum(density, 1e-300))),
    )
