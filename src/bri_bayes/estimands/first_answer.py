"""Which answer is shown first, and which stand beside it? Cards that differ in what units share and how errors last.

The answer shown first is the one whose 95% interval stays honest in the situations of ``docs/calibration.md``: treated
units may share shocks, and errors may be noisy (decision 24). Beside it stand the answers of the assumptions that it
does not make, so that a reader sees what hangs on them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.core.names import GROUP
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.design import Design
from bri_bayes.design.group_shocks import RATIO
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.by_classes import att_by_classes
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.learned import NOT_LEARNED, PARTLY_LEARNED, how_much, kept_sd
from bri_bayes.inference.work import cheapest_plan
from bri_bayes.study.card_text import assumption
from bri_bayes.study.model_card import ModelCard, load_card

# Shocks shared and noise; units independent; noise alone.
SHARED, INDEPENDENT, NOISE = "did_shared", "did", "did_noise"


def first_card(n_treated: int) -> str:
    """The name of the card whose answer is shown first; one treated unit shares its shocks with nobody."""
    return SHARED if n_treated > 1 else NOISE


def shown_first(models: Sequence[str], n_treated: int, answer: str | None = None) -> str:
    """The card that a study shows first: the one that it names, else the first of its ``models``.

    Where that is ``did``, whose units are independent, the rule of ``first_card`` goes before: ``did`` stands beside.
    """
    if answer is not None:
        return answer
    return first_card(n_treated) if models[0] == INDEPENDENT else models[0]


def alternatives(analysis: Analysis, seed: int) -> list[dict[str, Any]]:
    """The answers of the other assumptions: {"card", "assumption", "att"} each, with the covariates of the first."""
    answers = []
    for name in (SHARED, INDEPENDENT, NOISE):
        card = dataclasses.replace(load_card(name), outcome=analysis.card.outcome, covariates=analysis.card.covariates)
        if card.digest == analysis.card.digest or (name == SHARED and len(analysis.assignment.treated_units) < 2):
            continue
        effect, khat = average_effect(analysis.design, card, seed)
        if khat < KHAT_LIMIT:
            answers.append({"card": name, "assumption": assumption(card), "att": effect.as_dict()})
    return answers


def average_effect(design: Design, card: ModelCard, seed: int) -> tuple[Effect, float]:
    """The average effect under a card and its k-hat, by the cheaper route."""
    if cheapest_plan(design, card).by_classes:
        return att_by_classes(design, card, seed)
    posterior = att_posterior(design, card, seed)
    return posterior.effect, posterior.points.khat


def treated_groups(design: Design) -> list[str]:
    """The groups of the treated units: as many independent draws as the policy has had."""
    group_ix, treated = design["group_ix"].to_numpy(), design["first_treated"].notnull().to_numpy()
    names = design[GROUP].to_numpy()
    single = design["unit"].to_numpy()[treated & (group_ix < 0)]
    return sorted({str(names[group]) for group in group_ix[treated & (group_ix >= 0)]} | {str(unit) for unit in single})


def what_separates(card: ModelCard, design: Design, kept: float | None) -> list[str]:
    """What the first answer assumes of the treated units together, in a sentence; nothing where they share nothing.

    ``kept`` : what the posterior of the size of a shock has left of its prior's sd; None where it is not known.
    """
    if card.shocks.process == "none":
        return []
    groups = treated_groups(design)
    n_units = int(design["first_treated"].notnull().sum())
    if len(groups) > 1:
        return [f"The {n_units} treated units are {len(groups)} groups: as many independent draws, whatever the units."]
    onsets = set(design["first_treated"].dropna("unit").to_numpy().tolist())
    told = (
        f"The {n_units} treated units are one group, so the policy was tried once: whatever else befell this group "
        "after the onset cannot be told from it."
        if len(onsets) == 1
        else f"The {n_units} treated units are one group with {len(onsets)} onsets: whatever else befell all of it "
        "after an onset is told from the policy by the order of the onsets alone."
    )
    allows = "The first answer allows for shocks that they share; 'units independent' does without."
    return [f"{told} {allows}", *_size(kept)]


def kept_of_shocks(card: ModelCard, ratio: Array, weights: Array | None = None) -> float:
    """The sd of the size of a group's shock against a unit's error, posterior over prior, of weighted values."""
    return kept_sd(RATIO, card.priors.shock, ratio.ravel(), weights)


def kept_in(fit: Fit) -> float | None:
    """The same of the draws of a fit; None where units share no shocks."""
    posterior = fit.posterior["posterior"]
    return kept_of_shocks(fit.analysis.card, posterior[RATIO].to_numpy()) if RATIO in posterior else None


def _size(kept: float | None) -> list[str]:
    """How much of the size of the shocks was learned, by the rule of ``inference.learned``, with its number."""
    if kept is None:
        return []
    word = {NOT_LEARNED: "hardly", PARTLY_LEARNED: "partly"}.get(how_much(1 - kept**2), "well")
    return [
        f"The size of these shocks is {word} learned ({100 * kept:.0f}% of its prior's standard deviation is left)."
    ]
