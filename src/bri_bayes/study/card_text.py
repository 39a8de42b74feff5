"""What does a model card say, in words, with every prior?"""

from __future__ import annotations

from dataclasses import asdict

from bri_bayes.study.card_priors import LEVEL_PRIORS, PRIORS
from bri_bayes.study.model_card import ModelCard

# The priors of a card and the scales of its groups, for a reader.
PRIOR_WORDS = {
    "unit": "unit effects",
    "period": "period effects",
    "effect": "average effect",
    "effect_step": "bends of the effect's path",
    "effect_growth": "growth of the effect",
    "effect_unit": "spread between units",
    "covariate": "covariates",
    "modifier": "modifiers",
    "modifier_unit": "spread of modifier slopes",
    "trend": "unit trends",
    "trend_step": "drift of the treated group",
    "sigma": "error scale",
    "sigma_spread": "spread of error scales",
    "rho": "autocorrelation",
    "noise": "noise of single years",
    "shock": "shocks of groups",
    "shock_rho": "autocorrelation of shocks",
    "period_spread": "spread of period effects",
}
SCALE_WORDS = {
    "eta": "how much the effect's growth changes from period to period",
    "omega": "how much the effect differs between units",
    "omega_modifier": "how much slopes differ between units",
    "trend_step": "how far the treated group drifts a period",
    "sigma_period": "how much period effects spread",
    "sigma": "the error scale",
    "rho": "the autocorrelation",
    "noise": "the noise of single years",
    "shock_ratio": "how large the shocks of a group are against a unit's error",
    "shock_rho": "the autocorrelation of shocks",
}
# What separates the answers of two cards: how errors last, and what units share.
ERROR_WORDS = {
    "iid": "independent errors",
    "ar1": "AR(1) errors",
    "ar1_noise": "AR(1) errors plus noise",
    "random_walk": "random-walk errors",
}
FAMILY_WORDS = {
    "student_t": ", Student-t",
    "gamma": ", gamma levels with a log link",
    "negative_binomial": ", negative binomial levels with a log link",
    "poisson": ", Poisson levels with a log link",
}
SHARED_WORDS = {
    "none": "units independent",
    "like_errors": "shared shocks",
    "ar1": "shared AR(1) shocks",
    "random_walk": "shared drift",
}
SHOCK_WORDS = {
    "none": "units independent",
    "like_errors": "units of one group share shocks, which last as errors do",
    "ar1": "units of one group share AR(1) shocks",
    "random_walk": "units of one group drift together",
}


def assumption(card: ModelCard) -> str:
    """What the card assumes of units and errors, in a clause."""
    drifts = card.effects.trend == "group_random_walk"
    shared = "treated units drift together" if drifts else SHOCK_WORDS[card.shocks.process]
    return f"{shared}; {error_words(card)}"


def error_words(card: ModelCard) -> str:
    """How errors last, whether units have one scale, and from which family they are, for a cell of a table."""
    scale = ", a scale for each unit" if card.errors.scale == "by_unit" else ""
    return f"{ERROR_WORDS[card.errors.structure]}{scale}{FAMILY_WORDS.get(card.likelihood.family, '')}"


def shared_words(card: ModelCard) -> str:
    """What units share, for a cell of a table."""
    return "the treated drift" if card.effects.trend == "group_random_walk" else SHARED_WORDS[card.shocks.process]


# What a card takes the errors of a unit for before its first row, and over the periods in which it has none.
_STATIONARY = "the first error of a unit has the stationary variance; over d missing periods errors fade by rho^d"
_GAPS = {
    "iid": "errors of single rows: a missing row changes nothing",
    "ar1": _STATIONARY,
    "ar1_noise": f"{_STATIONARY}, noise at once",
    "random_walk": "the first error of a unit is one step, its level being free; d missing periods are d steps",
}

# What the level of a card with a log link is, around its mean mu; and what its mean remembers.
_LEVELS = {
    "gamma": ("level ~ gamma with mean mu and variance s^2 mu^2; zeros are refused",),
    "negative_binomial": (
        "level / u as negative binomial counts with mean mu / u (extended quasi-likelihood): variance u mu + s^2 mu^2",
        "u, the size of a lump of the level, is learned: dollars and millions give one answer",
    ),
    "poisson": (
        "level / u as Poisson counts with mean mu / u (extended quasi-likelihood): variance u mu",
        "u = s^2 x geometric mean of the levels",
        "s is learned, and with it the size u of a lump of the level: dollars and millions give one answer",
    ),
}
_MEMORY = {
    "iid": "rows are independent given their means",
    "ar1": "log mu of a row moves by rho^d x the log deviation of the unit's last positive row, d periods before",
    "random_walk": "log mu of a row moves by the log deviation of the unit's last positive row",
}

_SHOCKS = "the shocks of a group start in the panel's first period in the same way, and have a value in every period"


def describe(card: ModelCard) -> str:
    """The card as text: its settings, and every prior that it uses, on the standardised scale."""
    lines = [f"{card.name}: {card.title}", ""]
    if card.propensity is not None:
        return "\n".join([*lines, *card.propensity.lines])
    for section in ("effects", "errors", "shocks", "likelihood", "sampler"):
        settings = asdict(getattr(card, section))
        lines.append(f"{section:12s}" + ", ".join(f"{name} = {value}" for name, value in settings.items()))
    if card.formula is not None:
        return "\n".join([*lines, f"{'formula':12s}{card.formula}", "", "Priors: those of Bambi for this formula."])
    if card.has_log_link:
        lines += [f"{'':12s}{line}" for line in (*_LEVELS[card.likelihood.family], _MEMORY[card.errors.structure])]
    if card.is_marginal:
        lines.append(f"{'':12s}{_GAPS[card.errors.structure]}")
        if card.shocks.process != "none":
            lines.append(f"{'':12s}{_SHOCKS}")
    of_what = "the sd of the log of positive levels" if card.has_log_link else "the outcome's sd"
    lines += ["", f"Priors, in units of {of_what} after unit and period effects:"]
    texts = {**PRIORS, **(LEVEL_PRIORS[card.likelihood.family] if card.has_log_link else {})}
    lines += [f"  {name:14s}{text.format(getattr(card.priors, name))}" for name, text in texts.items()]
    if card.contamination is not None:
        a, b = card.contamination.prior
        learned = f"Beta({a}, {b})" if card.contamination.share is None else f"fixed at {card.contamination.share}"
        since = ", ".join(f"{unit} {period}" for unit, period in card.contamination.since.items())
        lines.append(f"  {'kappa':14s}{learned}: share of the effect that controls received, from {since}")
    return "\n".join([*lines, *(["", "References:", *(f"  {item}" for item in card.references)])])
