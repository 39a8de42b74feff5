"""How far does the answer move over every choice that was tried, and which choices matter most?

Three kinds of choice are told apart. One at a time: the main recipe with one thing changed (the model, the controls, a
prior scale, the share of the effect that controls received, the drift that is allowed, the match); its size is the
range of the posterior means, the main recipe included. All together: the specification curve, every combination of
its choices; the size of one of them is the range of the averages over all combinations with the same option. And
a sweep, a change that is meant to break the answer at its end (drift, share, prior), which counts like the first kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Effect = Mapping[str, float]
_EFFECT = ("mean", "sd", "lower", "upper", "p_positive")


@dataclass(frozen=True)
class Answer:
    """One refit: the choice that was changed, the option that was taken, the effect."""

    choice: str
    option: str
    effect: Effect


def answers(sections: Mapping[str, Any], outcome: str) -> list[Answer]:
    """Every refit of an outcome with one thing changed, in the order of the report."""
    found: list[Answer] = []
    for name, read in _READERS.items():
        content = (sections.get(name) or {}).get(_WHERE.get(name, "outcomes"), {}).get(outcome)
        if content:
            found += [answer for answer in read(content) if answer.effect.get("mean") is not None]
    return found


def robustness(sections: Mapping[str, Any], outcome: str, main: Effect) -> dict[str, Any]:
    """Range of the ATT and of P(> 0) over every answer, and the choices by their size, the largest first."""
    one_at_a_time = answers(sections, outcome)
    curve = ((sections.get("speccurve") or {}).get("outcomes", {}).get(outcome) or {}).get("specifications") or []
    effects = [main, *(answer.effect for answer in one_at_a_time), *(record["att"] for record in curve)]
    choices = [*_sizes(one_at_a_time, main), *_sizes_of_curve(curve)]
    choices.sort(key=lambda choice: -choice["size"])
    return {
        "main": _record(main),
        "answers": len(effects),
        "mean": _ends([effect["mean"] for effect in effects]),
        "p_positive": _ends([effect["p_positive"] for effect in effects]),
        "leaves_zero_out": sum(effect["lower"] > 0 or effect["upper"] < 0 for effect in effects),
        "above": sum(effect["mean"] > 0 for effect in effects),
        "choices": choices,
        "matter_most": [choice["choice"] for choice in choices[:3]],
    }


def _sizes(found: list[Answer], main: Effect) -> list[dict[str, Any]]:
    sizes = []
    for choice in dict.fromkeys(answer.choice for answer in found):
        own = [answer for answer in found if answer.choice == choice]
        effects = [main, *(answer.effect for answer in own)]
        means = [effect["mean"] for effect in effects]
        sizes.append(
            {
                "choice": choice,
                "kind": "one at a time",
                "size": max(means) - min(means),
                "mean": _ends(means),
                "p_positive": _ends([effect["p_positive"] for effect in effects]),
                "options": [{"option": answer.option, **_record(answer.effect)} for answer in own],
            }
        )
    return sizes


def _sizes_of_curve(curve: list[Any]) -> list[dict[str, Any]]:
    if not curve:
        return []
    sizes = []
    for key, words in _CURVE.items():
        groups: dict[str, list[Effect]] = {}
        for record in curve:
            option = record["choices"][key] if "choices" in record else record[key]
            groups.setdefault(", ".join(option) if isinstance(option, list) else str(option), []).append(record["att"])
        averages = {
            option: {name: sum(effect[name] for effect in effects) / len(effects) for name in ("mean", "p_positive")}
            for option, effects in groups.items()
        }
        means = [average["mean"] for average in averages.values()]
        if len(means) > 1:
            sizes.append(
                {
                    "choice": words,
                    "kind": "average over the specification curve",
                    "size": max(means) - min(means),
                    "mean": _ends(means),
                    "p_positive": _ends([average["p_positive"] for average in averages.values()]),
                    "options": [{"option": option, **average} for option, average in averages.items()],
                }
            )
    return sizes


def _record(effect: Effect) -> dict[str, float]:
    return {name: effect[name] for name in _EFFECT if name in effect}


def _ends(numbers: list[float]) -> list[float]:
    return [min(numbers), max(numbers)]


def _models(content: Mapping[str, Any]) -> list[Answer]:
    return [Answer("the model", row["name"], row["att"]) for row in content.get("models", [])]


def _controls(content: Mapping[str, Any]) -> list[Answer]:
    found = [
        Answer("the set of controls", ", ".join(row["controls"]), row["att"]) for row in content.get("subsets", [])
    ]
    for row in content.get("leave_one_out", []):
        choice = f"one {'treated unit' if row['role'] == 'treated' else 'control'} left out"
        found.append(Answer(choice, f"without {row['without']}", row["att"]))
    found += [Answer("a wider pool of controls", row["rule"], row["att"]) for row in content.get("pool", [])]
    found += [
        Answer("a share of the effect in the controls", f"{row['share']:g}", row["att"])
        for row in content.get("contaminated", [])
    ]
    for kind, words in (("synthetic", "synthetic control"), ("factor", "factor model")):
        if "att" in (content.get(kind) or {}):
            found.append(Answer("another counterfactual", words, content[kind]["att"]))
    return found


def _priors(content: Mapping[str, Any]) -> list[Answer]:
    return [
        Answer("a prior scale", f"{row['prior']} x {row['factor']:g}", row.get("att", row))
        for row in content.get("refits", [])
    ]


def _drift(content: Mapping[str, Any]) -> list[Answer]:
    found = [
        Answer("a drift of the treated group", f"s = {row['s']:.3g}", row["att"]) for row in content.get("curve", [])
    ]
    if content.get("learned"):
        found.append(Answer("a drift of the treated group", "s learned", content["learned"]["att"]))
    return found


def _matching(content: Mapping[str, Any]) -> list[Answer]:
    return [
        Answer("the match", method, row["att"]) for method, row in content.get("methods", {}).items() if row.get("att")
    ]


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
    "controls": "the set of controls (all combinations)",
    "period": "fixed or correlated period effects",
    "errors": "the errors",
    "covariates": "covariates",
    "onset": "the onset year",
    "imputation": "missing cells",
}
