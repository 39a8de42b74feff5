"""How is an answer said in a sentence?"""

from __future__ import annotations

import math

from bri_bayes.core.effect import Effect
from bri_bayes.core.names import OBS, PERIOD
from bri_bayes.data.panel import period_labels
from bri_bayes.design.analysis import Fit
from bri_bayes.design.log_link import has_log_effects, zeros_of_log1p
from bri_bayes.presentation.digits import significant
from bri_bayes.presentation.estimate_text import LARGEST_LOG, NO_PERCENTAGES
from bri_bayes.presentation.sentences import counted, listed, probability

# Sizes that are read in plain digits.
_PLAIN_FROM, _PLAIN_TO = 1e-4, 1e12


def span(fit: Fit) -> str:
    """First and last period of the rows."""
    labels = period_labels(fit.analysis.panel)
    periods = [int(period) for period in fit.design[PERIOD].to_numpy()]
    first, last = labels[periods[0]], labels[periods[-1]]
    return f"{first} to {last}" if "-" in first else f"{first}-{last}"


def compared(fit: Fit) -> str:
    """Units, periods and rows in figures: 5 treated units, 1 control, 2003-2020, 108 rows."""
    assignment = fit.analysis.assignment
    numbers = {"treated unit": len(assignment.treated_units), "control": len(assignment.never_treated)}
    units = ", ".join(f"{number} {what}{'s' * (number != 1)}" for what, number in numbers.items())
    return f"{units}, {span(fit)}, {fit.design.sizes[OBS]} rows"


def effect_in_prose(fit: Fit, effect: Effect) -> str:
    """The average effect as a sentence, with its interval, its sign, and percent for a log outcome."""
    assignment = fit.analysis.assignment
    treated, controls = assignment.treated_units, assignment.never_treated
    named = listed(treated) if len(treated) <= 6 else f"{len(treated)} units"
    against = counted(len(controls), "controls") if controls else "units not yet treated"
    mean, lower, upper = (three_digits(value) for value in (effect.mean, effect.lower, effect.upper))
    sentence = (
        f"The treatment moved {_moved(fit)} of {named} by {mean} on average, against {against} ({span(fit)}); "
        f"with {100 * effect.prob:.0f}% probability the effect lies between {lower} and {upper}, "
        f"and with {probability(effect.p_positive)} it is positive."
    )
    if zeros_of_log1p(fit.design):
        return f"{sentence} {NO_PERCENTAGES}"
    if not has_log_effects(fit.design) or abs(effect.upper) > LARGEST_LOG:
        return sentence
    low, high = (100 * math.expm1(end) for end in (effect.lower, effect.upper))
    return f"{sentence} The interval in percent of the outcome's level: {low:+.0f}% to {high:+.0f}%."


def three_digits(value: float) -> str:
    """A number of any size in plain digits, three of them told: -0.0495, 12.3, -2,130; powers of ten at the ends."""
    return significant(value).replace("−", "-") if _PLAIN_FROM <= abs(value) < _PLAIN_TO else f"{value:.3g}"


def _moved(fit: Fit) -> str:
    """What an effect of one is a change of: the outcome, or the logarithm of its mean under a log link."""
    outcome = str(fit.analysis.card.outcome)
    return f"log({outcome})" if fit.analysis.card.has_log_link and not outcome.startswith("log") else outcome
