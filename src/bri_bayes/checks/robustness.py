"""How far does the answer move over every choice that was tried, and which choices matter most?

Three kinds of choice are told apart. One at a time: the recipe of the checks with one thing changed (the model, the
controls, the last year, a prior scale, the share of the effect that controls received, the drift that is allowed, the
match); its size is the range of the posterior means, that recipe included. All together: the specification curve, every
combination of its choices; the size of one of them is the range of the averages over all combinations with the same
option. And a sweep, a change that is meant to break the answer at its end (drift, share, prior), which counts like the
first kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result
from bri_bayes.study.card_text import PRIOR_WORDS

# The choice whose options are samples that end earlier.
LAST_YEAR = "the last year of the sample"


@dataclass(frozen=True)
class Answer:
    """One refit: the choice that was changed, the option that was taken, the effect."""

    choice: str
    option: str
    effect: Effect


@dataclass(frozen=True)
class Average(Result):
    """Of all specifications with one option."""

    option: str
    mean: float
    p_positive: float


@dataclass(frozen=True, kw_only=True)
class Option(Effect):
    """The effect with one option."""

    option: str


@dataclass(frozen=True)
class Choice(Result):
    """Its ``size`` is the range of the means; ``mean`` and ``p_positive`` : both ends."""

    choice: str
    kind: Literal["one at a time", "average over the specification curve"]
    size: float
    mean: Sequence[float]
    p_positive: Sequence[float]
    options: Sequence[Option | Average]


@dataclass(frozen=True)
class Robustness(Result):
    """Over all answers: both ends, how many means lie ``above`` zero and intervals exclude zero, and the choices by
    their size, the largest first.
    """

    main: Effect
    answers: int
    mean: Sequence[float]
    p_positive: Sequence[float]
    leaves_zero_out: int
    above: int
    choices: Sequence[Choice]
    matter_most: Sequence[str]


def answers(sections: Mapping[str, Any], outcome: str) -> list[Answer]:
    """Every refit of an outcome with one thing changed, in the order of the report, from the values of sections."""
    refits: list[Answer] = []
    for name, read in _READERS.items():
        content = (sections.get(name) or {}).get(_WHERE.get(name, "outcomes"), {}).get(outcome)
        if content:
            refits += [Answer(choice, option, Effect(**att)) for choice, option, att in read(content)]
    return refits


def robustness(
    sections: Mapping[str, Any], outcome: str, main: Effect, ends: Mapping[str, Effect] | None = None
) -> Robustness:
    """Range of the ATT and of P(> 0) over every answer, and the choices by their size; ``ends`` : by last year."""
    one_at_a_time = answers(sections, outcome)
    one_at_a_time += [Answer(LAST_YEAR, last, effect) for last, effect in (ends or {}).items()]
    curve = ((sections.get("speccurve") or {}).get("outcomes", {}).get(outcome) or {}).get("specifications") or []
    together = [Effect(**record["att"]) for record in curve]
    effects = [main, *(answer.effect for answer in one_at_a_time), *together]
    choices = [*_sizes(one_at_a_time, main), *_sizes_of_curve(curve, together)]
    choices.sort(key=lambda choice: -choice.size)
    return Robustness(
        main=main,
        answers=len(effects),
        mean=_ends(effect.mean for effect in effects),
        p_positive=_ends(effect.p_positive for effect in effects),
        leaves_zero_out=sum(effect.excludes_zero for effect in effects),
        above=sum(effect.mean > 0 for effect in effects),
        choices=choices,
        matter_most=[choice.choice for choice in choices[:3]],
    )


def _sizes(refits: Sequence[Answer], main: Effect) -> list[Choice]:
    sizes = []
    for choice in dict.fromkeys(answer.choice for answer in refits):
        options = [Option(**vars(answer.effect), option=answer.option) for answer in refits if answer.choice == choice]
        mean, p_positive = (_ends(getattr(effect, name) for effect in (main, *options)) for name in _ENDS)
        sizes.append(Choice(choice, "one at a time", mean[1] - mean[0], mean, p_positive, options))
    return sizes


def _sizes_of_curve(curve: Sequence[Any], effects: Sequence[Effect]) -> list[Choice]:
    sizes = []
    for key, words in _CURVE.items():
        groups: dict[str, list[Effect]] = {}
        for record, effect in zip(curve, effects, strict=True):
            option = record["choices"][key] if "choices" in record else record[key]
            groups.setdefault(", ".join(option) if isinstance(option, list) else str(option), []).append(effect)
        options = [
            Average(option, *(sum(getattr(effect, name) for effect in group) / len(group) for name in _ENDS))
            for option, group in groups.items()
        ]
        if len(options) > 1:
            mean, p_positive = (_ends(getattr(option, name) for option in options) for name in _ENDS)
            kind: Literal["average over the specification curve"] = "average over the specification curve"
            sizes.append(Choice(words, kind, mean[1] - mean[0], mean, p_positive, options))
    return sizes


# What is shown of a choice by its two ends.
_ENDS = ("mean", "p_positive")


def _ends(numbers: Iterable[float]) -> list[float]:
    known = list(numbers)
    return [min(known), max(known)]


type _Read = tuple[str, str, Mapping[str, float]]


def _models(content: Mapping[str, Any]) -> list[_Read]:
    return [("the model", row["name"], row["att"]) for row in content["models"]]


def _controls(content: Mapping[str, Any]) -> list[_Read]:
    refits = [("the set of controls", ", ".join(row["controls"]), row["att"]) for row in content.get("subsets", [])]
    for row in content.get("leave_one_out", []):
        choice = f"one {'treated unit' if row['role'] == 'treated' else 'control'} left out"
        refits.append((choice, f"without {row['without']}", row["att"]))
    refits += [("a wider pool of controls", row["rule"], row["att"]) for row in content.get("pool", [])]
    refits += [
        ("a share of the effect in the controls", f"{row['share']:g}", row["att"])
        for row in content.get("contaminated", [])
    ]
    for kind, words in (("synthetic", "synthetic control"), ("factor", "factor model")):
        if "att" in (content.get(kind) or {}):
            refits.append(("another counterfactual", words, content[kind]["att"]))
    return refits


def _priors(content: Mapping[str, Any]) -> list[_Read]:
    return [
        ("a prior scale", f"{PRIOR_WORDS.get(row['prior'], row['prior'])}, times {row['factor']:g}", row["att"])
        for row in content["refits"]
    ]


def _drift(content: Mapping[str, Any]) -> list[_Read]:
    words = "a drift of the treated group"
    fixed = [(words, f"s = {row['s']:.3g}", row["att"]) for row in content["curve"]]
    return [*fixed, (words, "s learned", content["learned"]["att"])]


def _matching(content: Mapping[str, Any]) -> list[_Read]:
    return [("the match", method, row["att"]) for method, row in content["methods"].items() if row["att"]]


_READERS = {
    "compare": _models,
    "controls": _controls,
    "prior": _priors,
    "honest": _drift,
    "propensity": _matching,
}
# The key of a section's values under which its outcomes lie, where it is not "outcomes".
_WHERE = {"prior": "details"}
_CURVE = {
    "controls": "the set of controls (mean over the curve)",
    "period": "fixed or correlated period effects",
    "errors": "the errors",
    "covariates": "covariates",
    "onset": "the onset year",
    "imputation": "missing cells",
}
