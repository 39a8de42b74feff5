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
from typing import Any

import numpy as np
from pydantic import ValidationError

from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import json_safe
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.linear import att_effect
from bri_bayes.inference.fitting import fit, is_trustworthy
from bri_bayes.study.model_card import Contamination

# Fixed shares of the grid; its trapezoids are the quadrature over kappa.
SHARES = tuple(round(float(share), 2) for share in np.linspace(0, 1, 11))
# Below this many bits the data have hardly spoken: a coin that comes up heads in 59 of 100 throws says as much of it.
HARDLY_LEARNED = 0.1


def contaminated(analysis: Analysis, since: Mapping[str, int], share: float | None) -> Analysis:
    """The recipe with controls exposed from ``since`` on: a fixed ``share``, or None to learn it."""
    return analysis.replace(card=dataclasses.replace(analysis.card, contamination=Contamination(dict(since), share)))


def no_contamination(analysis: Analysis, since: Mapping[str, int]) -> str | None:
    """Why the card of the recipe cannot give controls a share of the effect; None where it can."""
    try:
        contaminated(analysis, since, None)
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    return None


def learned_share(analysis: Analysis, since: Mapping[str, int], seed: int) -> dict[str, Any]:
    """kappa as one more unknown of the model, under a uniform prior: its posterior and the ATT."""
    result = fit(contaminated(analysis, since, None), seed=seed, pointwise=False)
    kappa = result.posterior["posterior"].to_dataset()["kappa"]
    record = {
        "att": att_effect(result).as_dict(),
        "kappa": Effect.of_draws(kappa.to_numpy()).as_dict(),
        "engine": result.diagnostics["engine"],
    }
    return dict(json_safe({**record, "trustworthy": is_trustworthy(result)}))


def over_shares(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The quadrature over fixed shares, each record with "share", "att" and "log_marginal": posterior of kappa.

    A share stands for all that are nearer to it than to another one. One whose fit fell back to sampling has no
    marginal likelihood: it is passed over. ``density`` is that of kappa at each share, the ATT that of the mixture.
    """
    known = [record for record in records if record["log_marginal"] is not None]
    shares = np.array([record["share"] for record in known])
    log_marginal = np.array([record["log_marginal"] for record in known])
    width = np.diff(np.concatenate([[0.0], (shares[1:] + shares[:-1]) / 2, [1.0]]))
    likelihood = np.exp(log_marginal - log_marginal.max())
    density = likelihood / (likelihood @ width)
    weight = density * width
    mean, sd = (np.array([record["att"][name] for record in known]) for name in ("mean", "sd"))
    at = dict(zip(shares.tolist(), density.tolist(), strict=True))
    center = float(weight @ mean)
    kappa = float(weight @ shares)
    return {
        "density": [at.get(record["share"]) for record in records],
        "kappa": {"mean": kappa, "sd": float(np.sqrt(weight @ (shares - kappa) ** 2))},
        "att": {"mean": center, "sd": float(np.sqrt(weight @ (sd**2 + (mean - center) ** 2)))},
        "learned": float(weight @ np.log2(np.maximum(density, 1e-300))),
    }
