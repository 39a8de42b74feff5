"""What do the numbers say in one plain sentence? Each wording follows from the numbers by a rule that stands here.

``verdict`` of an effect with 95% interval (lower, upper) and probability P of being above zero:

    above       lower > 0            "stands above zero"
    below       upper < 0            "stands below zero"
    leans up    not above, P >= 0.9  "leans up, but zero is not ruled out"
    leans down  not below, P <= 0.1  "leans down, but zero is not ruled out"
    open        otherwise            "cannot be told from zero"

No other threshold is used. Counts ("3 of 8 years") are counts of intervals that exclude zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import pandas as pd

from bri_bayes.presentation import digits as how_many
from bri_bayes.presentation import study_tables as tables
from bri_bayes.presentation.digits import digits_of, ends_of, reads_as_zero
from bri_bayes.presentation.study_tables import PRE_AVERAGE, PRE_PERIOD, REFERENCE, Values, main_model
from bri_bayes.presentation.table_spec import alarm_of

# Numbers in sentences are written as everywhere.
number, compact, dollars = how_many.number, how_many.compact, how_many.dollars

Verdict = Literal["above", "below", "leans up", "leans down", "open"]

LEANS = 0.9
_CLAIMS: Mapping[Verdict, str] = {
    "above": "stands above zero",
    "below": "stands below zero",
    "leans up": "leans up, but zero is not ruled out",
    "leans down": "leans down, but zero is not ruled out",
    "open": "cannot be told from zero",
}
_SHORT: Mapping[Verdict, str] = {
    "above": "above zero",
    "below": "below zero",
    "leans up": "leaning up, zero not ruled out",
    "leans down": "leaning down, zero not ruled out",
    "open": "not told from zero",
}
_NUMBER_WORDS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
)
_BASELINES = {
    PRE_AVERAGE: "the average of the years before the onset",
    PRE_PERIOD: "the years before the onset",
    REFERENCE: "the last year before the onset",
}


def verdict(effect: Mapping[str, float]) -> Verdict:
    """Where the interval of an effect lies, by the rule at the top of this module."""
    if effect["lower"] > 0:
        return "above"
    if effect["upper"] < 0:
        return "below"
    if effect["p_positive"] >= LEANS:
        return "leans up"
    return "leans down" if 1 - effect["p_positive"] >= LEANS else "open"


def answer_title(values: Values, outcome: Values) -> str:
    """The message of an outcome in a title."""
    att, digits = main_model(outcome)["att"], decimals(outcome)
    mean, within = signed(att["mean"], digits), f"95% interval {interval(att['lower'], att['upper'], digits)}"
    side = verdict(att)
    if side == "open":
        return f"{outcome['label']}: {mean}, not told from zero ({within})"
    return f"{outcome['label']}: {mean} {_claim(side)} ({within})"


def overall_title(values: Values, outcomes: Mapping[str, Values]) -> str:
    """The message of several outcomes in a title: together if their verdicts agree, else one after the other."""
    verdicts = {name: verdict(main_model(outcome)["att"]) for name, outcome in outcomes.items()}
    together = len(set(verdicts.values())) == 1
    if together and "open" in verdicts.values():
        n_treated = max(len(outcome["treated"]) for outcome in outcomes.values())
        which = {1: "the effect cannot", 2: "neither effect can"}.get(
            len(outcomes), f"none of {len(outcomes)} effects can"
        )
        return f"With {counted(n_treated, f'treated {unit_noun(values)}')} {which} be told from zero"
    if together:
        which = {1: "The effect", 2: "Both effects"}.get(len(outcomes), f"All {len(outcomes)} effects")
        return f"{which} {_claim(next(iter(verdicts.values())), plural=len(outcomes) > 1)}"
    return "; ".join(f"{outcome['label']}: {_SHORT[verdicts[name]]}" for name, outcome in outcomes.items())


def answer(outcome: Values) -> str:
    """What the average effect of an outcome is worth: in percent where it is in logs, its probability, its verdict."""
    model = main_model(outcome)
    text = f"It {_claim(verdict(model['att']))}: the probability of an effect above zero is "
    text += f"{probability(model['att']['p_positive'])}."
    if percent := model.get("percent"):
        low, high = ends_of(percent["lower"], percent["upper"], 0)
        text += f" In percent, the 95% interval is {low}% to {high}%."
    return text


def comparison(rows: pd.DataFrame) -> str:
    """Which intervals exclude zero, and what clustering does to the standard error of least squares?

    ``rows`` : those of the table headline of one outcome.
    """
    known = rows.dropna(subset=["lower", "upper"])
    out = known.loc[(known["lower"] > 0) | (known["upper"] < 0), "method"]
    named = f" ({listed(out)})" if 0 < len(out) < len(known) else ""
    text = f"{rows['label'].iloc[0]}: zero lies outside the 95% interval of {_of(len(out), len(known))} methods{named}."
    twfe = rows[rows["estimator"] == "twfe"].set_index("inference")["se"]
    if twfe.get("iid", 0) > 0 and twfe.get("cluster", 0) > 0:
        times = number(twfe["cluster"] / twfe["iid"], 1)
        text += f" Clustered by unit, the standard error of two-way fixed effects is {times} times the ordinary one."
    return text


def by_unit(values: Values, outcome: Values) -> str:
    """How many treated units stand apart from zero, and between which values their means lie."""
    effects, digits = main_model(outcome).get("by_unit", {}), decimals(outcome)
    if not effects:
        return f"{outcome['label']}: the model has no effects of single {unit_noun(values)}."
    excluding = [unit for unit, effect in effects.items() if excludes_zero(effect)]
    low, high = (pick(effects, key=lambda unit: effects[unit]["mean"]) for pick in (min, max))
    ends = " and ".join(
        f"{signed(effects[unit]['mean'], digits)} ({tables.unit_name(values, unit)})"
        for unit in dict.fromkeys((low, high))
    )
    named = f": {listed(tables.unit_name(values, unit) for unit in excluding)}" if 0 < len(excluding) <= 5 else ""
    count = f"{_of(len(excluding), len(effects))} intervals of single {unit_noun(values)} exclude zero{named}"
    return f"{outcome['label']}: {count}; the means lie between {ends}."


def event_study(outcome: Values, rows: pd.DataFrame) -> str:
    """How many years exclude zero, before and after? ``rows`` : those of by_event_time, of one or more baselines."""
    parts = []
    for baseline, path in rows.groupby("baseline", sort=False):
        excluding = (path["lower"] > 0) | (path["upper"] < 0)
        before, after = (path["event_time"] < 0) & (path["sd"] > 0), path["event_time"] >= 0
        counts = f"{_of(int(excluding[after].sum()), int(after.sum()))} after"
        if before.any():
            counts = f"{_of(int(excluding[before].sum()), int(before.sum()))} before and {counts}"
        parts.append(f"{counts}, against {_BASELINES.get(str(baseline), str(baseline))}")
    return f"{outcome['label']}: years whose interval excludes zero: {'; '.join(parts)}."


def paths(values: Values, outcome: Values) -> str:
    """In how many treated cells does the outcome lie inside the band of the path without the policy?"""
    return (
        f"{outcome['label']}: the outcome lies inside the 95% band of the path without the policy in "
        f"{in_band(values, [outcome])}."
    )


def in_band(values: Values, outcomes: Iterable[Values]) -> str:
    """The count of treated cells whose outcome lies inside its band: 7 of 8, or all 8, treated country-years."""
    every = [path for outcome in outcomes for path in main_model(outcome).get("counterfactual", {}).values()]
    cells = [cell for path in every for cell in path.values() if is_open(cell)]
    inside = sum(cell["lower"] <= cell["observed"] <= cell["upper"] for cell in cells)
    count = f"all {len(cells):,}" if inside == len(cells) else _of(inside, len(cells))
    return f"{count} treated {singular(unit_noun(values))}-years"


def additional_trade(outcome: Values) -> str:
    """Between which amounts do the yearly means lie, and how many years exclude zero?"""
    years = main_model(outcome)["additional_trade_usd"]
    means = [effect["mean"] for effect in years.values()]
    excluding = sum(excludes_zero(effect) for effect in years.values())
    return (
        f"{outcome['label']}: the means of single years lie between {dollars(min(means))} and {dollars(max(means))}; "
        f"zero is excluded in {_of(excluding, len(years))} years."
    )


def excludes_zero(effect: Mapping[str, float]) -> bool:
    """Whether zero lies outside the interval."""
    return effect["lower"] > 0 or effect["upper"] < 0


def is_open(cell: Mapping[str, float]) -> bool:
    """Whether a cell of a counterfactual path has an interval: before the onset it equals what was observed."""
    return cell["upper"] - cell["lower"] > 1e-9


def effect_unit(outcome: Values) -> str:
    """The unit of an effect: log points, or the outcome's own."""
    if outcome.get("transform") in ("log", "log1p"):
        return "log points"
    return str(outcome.get("units") or "units of the outcome")


def unit_noun(values: Values) -> str:
    """Countries if every unit is a code of three capital letters (ISO 3166), else units."""
    codes = [str(unit) for unit in values["panel"]["units"]]
    return "countries" if all(len(code) == 3 and code.isalpha() and code.isupper() for code in codes) else "units"


def singular(noun: str) -> str:
    """One of ``unit_noun``."""
    return "country" if noun == "countries" else noun.removesuffix("s")


def counted(number: int, noun: str) -> str:
    """A number as a word up to twelve, with its noun: "five countries"."""
    word = _NUMBER_WORDS[number] if number < len(_NUMBER_WORDS) else f"{number:,}"
    return f"{word} {singular(noun) if number == 1 else noun}"


def decimals(outcome: Values) -> int:
    """The decimals of the effects of an outcome, by ``digits_of``; two where a section is asked for alone, without the
    main answer.
    """
    att = main_model(outcome).get("att")
    return digits_of(att["lower"], att["upper"], outcome["transform"]) if att else 2


def signed(value: float, digits: int) -> str:
    """A number that always shows its sign, zero excepted."""
    text = number(value, digits)
    return f"+{text}" if value > 0 and not reads_as_zero(text) else text


def interval(lower: float, upper: float, digits: int) -> str:
    """Both ends of an interval; one that excludes zero shows it."""
    return " to ".join(ends_of(lower, upper, digits))


def probability(value: float, *, words: bool = True) -> str:
    """A probability in percent; never 0% or 100%, which draws cannot show."""
    if 0.005 < value < 0.995:
        return f"{100 * value:.0f}%"
    end = "99%" if value > 0.5 else "1%"
    over = value > 0.5
    return f"{'over' if over else 'under'} {end}" if words else f"{'>' if over else '<'}{end}"


def banner(values: Values) -> str | None:
    """The loud line of a panel that is not observed, or that no service gave though its study names one."""
    return alarm_of(values["panel"]) or None


def claim_of(effect: Mapping[str, float]) -> str:
    """The words of the verdict of an effect, after a subject."""
    return _claim(verdict(effect))


def _claim(side: Verdict, *, plural: bool = False) -> str:
    """The words of a verdict, after a subject."""
    first, _, rest = _CLAIMS[side].partition(" ")
    return f"{first.removesuffix('s')} {rest}" if plural else _CLAIMS[side]


def _of(count: int, total: int) -> str:
    return f"{count:,} of {total:,}"


def listed(names: Iterable[Any]) -> str:
    """Names in a row: a, b and c."""
    words = [str(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
