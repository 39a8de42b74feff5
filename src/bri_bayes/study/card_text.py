"""What does a model card say, in words, with every prior?"""

from __future__ import annotations

from dataclasses import asdict

from bri_bayes.study.model_card import PRIORS, ModelCard

# The priors of a card and the scales of its groups, for a reader.
PRIOR_WORDS = {
    "unit": "unit effects",
    "period": "period effects",
    "effect": "effect at the onset",
    "effect_step": "steps of the effect",
    "effect_unit": "spread between units",
    "covariate": "covariates",
    "modifier": "modifiers",
    "modifier_unit": "spread of modifier slopes",
    "trend": "unit trends",
    "trend_step": "drift of the treated group",
    "sigma": "error scale",
    "sigma_spread": "spread of error scales",
    "rho": "autocorrelation",
    "period_spread": "spread of period effects",
}
SCALE_WORDS = {
    "eta": "how much the effect changes from period to period",
    "omega": "how much the effect differs between units",
    "omega_modifier": "how much slopes differ between units",
    "trend_step": "how far the treated group drifts a period",
    "sigma_period": "how much period effects spread",
    "sigma": "the error scale",
    "rho": "the autocorrelation",
}


def describe(card: ModelCard) -> str:
    """The card as text: its settings, and every prior that it uses, on the standardised scale."""
    lines = [f"{card.name}: {card.title}", ""]
    if card.propensity is not None:
        return "\n".join([*lines, *card.propensity.lines])
    for section in ("effects", "errors", "likelihood", "sampler"):
        settings = asdict(getattr(card, section))
        lines.append(f"{section:12s}" + ", ".join(f"{name} = {value}" for name, value in settings.items()))
    if card.formula is not None:
        return "\n".join([*lines, f"{'formula':12s}{card.formula}", "", "Priors: those of Bambi for this formula."])
    lines += ["", "Priors, in units of the outcome's sd after unit and period effects:"]
    lines += [f"  {name:14s}{text.format(getattr(card.priors, name))}" for name, text in PRIORS.items()]
    if card.contamination is not None:
        a, b = card.contamination.prior
        learned = f"Beta({a}, {b})" if card.contamination.share is None else f"fixed at {card.contamination.share}"
        since = ", ".join(f"{unit} {period}" for unit, period in card.contamination.since.items())
        lines.append(f"  {'kappa':14s}{learned}: share of the effect that controls received, from {since}")
    return "\n".join([*lines, *(["", "References:", *(f"  {item}" for item in card.references)])])
