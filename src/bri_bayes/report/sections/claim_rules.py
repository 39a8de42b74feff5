"""How is a claim of a paper judged? One rule a kind of claim, stated before the result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.checks.claimed_effect import judge_effect
from bri_bayes.checks.jointly import TOLD
from bri_bayes.checks.mediation import MODEST
from bri_bayes.checks.moderation import TIME_VARYING
from bri_bayes.checks.psm_did import METHODS
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.presentation.names_shown import in_sentence
from bri_bayes.presentation.results import CANNOT_BE_TOLD, NOT_SUPPORTED, SUPPORTED, Claim, Verdict
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.section import Context
from bri_bayes.study.claims import RuleName, StatedClaim

LEVEL, SHARE = SIGNIFICANCE, 0.5


@dataclass(frozen=True)
class Evidence:
    """A verdict and the numbers that it follows from. ``note`` : what the reader has to know of the numbers."""

    verdict: Verdict
    numbers: Mapping[str, Any]
    note: str | None = None


@dataclass(frozen=True)
class ClaimRule:
    """``text`` : the rule in words; ``judge`` : from the claimed size, the claim and the values of one outcome."""

    text: str
    judge: Callable[[StatedClaim, Values, float | None], Evidence | None]


def judged(
    context: Context, rules: Iterable[RuleName], outcomes: Mapping[str, Values], **words: str
) -> tuple[Claim, ...]:
    """The claims of the study that these rules judge, on each outcome that has the numbers.

    ``outcomes`` : values by name, with "label" (or the "labels" of two); ``words`` : what the texts leave open.
    """
    claims = []
    for rule in rules:
        for name, values in outcomes.items():
            for stated in context.study.claims:
                if stated.rule != rule or stated.outcome not in (None, name):
                    continue
                claimed = stated.size(_published(context, name))
                evidence = RULES[rule].judge(stated, values, claimed)
                if evidence is not None:
                    claims.append(_claim(context, stated, name, values, evidence, claimed, words))
    return tuple(claims)


def _claim(
    context: Context,
    stated: StatedClaim,
    name: str,
    values: Values,
    evidence: Evidence,
    claimed: float | None,
    words: Mapping[str, str],
) -> Claim:
    size = "–" if claimed is None else f"{claimed:g}"
    text = stated.text.format(outcome=_label(values), claimed=size, **words)
    return Claim(
        claim=text if evidence.note is None else f"{text} ({evidence.note})",
        where=stated.where,
        rule=RULES[stated.rule].text,
        verdict=evidence.verdict,
        numbers=evidence.numbers,
        panel=None if context.panel is None else context.panel.attrs.get("kind"),
        outcome=name,
    )


def _label(values: Values) -> str:
    if "label" in values:
        return str(values["label"])
    first, *others = values["labels"]
    return " and ".join([first, *map(in_sentence, others)])


def _published(context: Context, name: str) -> float | None:
    outcome = context.study.outcomes.get(name)
    return None if outcome is None or outcome.published is None else outcome.published.estimate


def _verdict(*, supported: bool, refused: bool) -> Verdict:
    return SUPPORTED if supported else NOT_SUPPORTED if refused else CANNOT_BE_TOLD


def _effect(stated: StatedClaim, outcome: Values, claimed: float | None) -> Evidence | None:
    """An effect of the claimed size, from the card that is shown first and the permutation of least squares."""
    if claimed is None or not outcome["models"]:
        return None
    model = outcome["models"][outcome["main"]]
    att, p_part = model["att"], next(part["p_part"] for part in model["claims"] if part["claimed"] == claimed)
    p_value = next((row["p_value"] for row in outcome["frequentist"] if row["inference"] == "permutation"), None)
    posterior = {"p_part": p_part, "lower": att["lower"], "upper": att["upper"]}
    known = {name: np.asarray(value) for name, value in posterior.items()}
    judged = judge_effect(claimed, **known, rejected=np.asarray(p_value is not None and p_value <= LEVEL))
    numbers = {name: att[name] for name in ("mean", "lower", "upper")}
    return Evidence(
        _verdict(supported=bool(judged.supported), refused=bool(judged.refused)),
        numbers | {"P(> half the claim)": p_part, "permutation p": p_value},
    )


def _parallel_trends(stated: StatedClaim, outcome: Values, claimed: float | None) -> Evidence | None:
    """No difference in trends before the onset: the verdict of the check."""
    if not (check := outcome.get("pretrend")):
        return None
    verdict = _verdict(supported=check["passed"] is True, refused=check["passed"] is False)
    numbers = {"difference a year": check["slope"], "detectable": check["detectable_slope"]}
    return Evidence(verdict, numbers | {"joint permutation p of the leads": check["joint"]["p_permutation"]})


def _fake_groups(stated: StatedClaim, outcome: Values, claimed: float | None) -> Evidence | None:
    """An estimate that is larger than those of fake treated groups."""
    if not (space := outcome.get("space")):
        return None
    shares = {"posterior mean": space["p_value"], "two-way fixed effects": space["p_value_twfe"]}
    few = [share <= LEVEL for share in shares.values()]
    numbers = {f"share of groups as large, {name}": share for name, share in shares.items()}
    return Evidence(_verdict(supported=all(few), refused=False), numbers)


def _fake_onsets(stated: StatedClaim, outcome: Values, claimed: float | None) -> Evidence | None:
    """No effect from a fake onset on, refitted with the treated periods in."""
    refits = (outcome.get("time") or {}).get("with_treated_years", [])
    effects = {row["onset"]: row["att"] for row in refits if row["onset"] in stated.onsets}
    if claimed is None or set(effects) != set(stated.onsets):
        return None
    half = SHARE * abs(claimed)
    excluded = any(att["lower"] > 0 or att["upper"] < 0 for att in effects.values())
    small = all(-half <= att["lower"] and att["upper"] <= half for att in effects.values())
    verdict = _verdict(supported=small and not excluded, refused=excluded)
    return Evidence(verdict, {str(onset): effects[onset] for onset in stated.onsets})


def _matched(stated: StatedClaim, outcome: Values, claimed: float | None) -> Evidence | None:
    """An effect above zero whichever way the units are matched."""
    effects = {method: content["att"] for method, content in outcome["methods"].items()}
    known = [att for att in effects.values() if att is not None]
    complete = len(known) == len(METHODS)
    verdict = _verdict(
        supported=complete and all(att["lower"] > 0 for att in known),
        refused=complete and all(att["upper"] < 0 for att in known),
    )
    return Evidence(verdict, effects)


def _moderation(stated: StatedClaim, outcome: Values, claimed: float | None) -> Evidence | None:
    """An effect that falls with the moderator."""
    if outcome["main"] is None:
        return None
    version = outcome["versions"][outcome["main"]]
    slope = version["slope"]
    verdict = _verdict(supported=slope["upper"] < 0, refused=slope["lower"] > 0)
    note = None if outcome["main"] == TIME_VARYING else version["title"].lower()
    return Evidence(verdict, {**slope, "p_negative": version["p_negative"]}, note)


def _mediation(stated: StatedClaim, outcome: Values, claimed: float | None) -> Evidence | None:
    """An effect that runs through every channel."""
    channels = outcome["channels"]
    verdicts = [channel["verdict"] for channel in channels.values()]
    verdict = _verdict(
        supported=all(each == SUPPORTED for each in verdicts), refused=any(each == NOT_SUPPORTED for each in verdicts)
    )
    return Evidence(verdict, {name: {"verdict": it["verdict"], **it["indirect"]} for name, it in channels.items()})


def _both_positive(stated: StatedClaim, pair: Values, claimed: float | None) -> Evidence | None:
    """Two effects above zero at once; where the two part, what is told of each."""
    quadrants = pair["quadrants"]
    both = quadrants["both_up"]
    alone = (quadrants["first_up_second_not"], quadrants["second_up_first_not"])
    each = [_likely(both + only) for only in alone]
    parted = "; ".join(f"{in_sentence(label)}: {verdict}" for label, verdict in zip(pair["labels"], each, strict=True))
    return Evidence(_likely(both), quadrants, parted if len(set(each)) > 1 else None)


def _likely(probability: float) -> Verdict:
    return _verdict(supported=probability >= TOLD, refused=probability <= 1 - TOLD)


RULES: Mapping[RuleName, ClaimRule] = {
    "effect": ClaimRule(
        "supported: the 95% interval of the card shown first lies above zero and the permutation p is at most 0.05; "
        "not supported: the interval lies below zero, or P(effect at least half of the claim) is below 5%; else it "
        "cannot be told. A negative claim is judged with the signs turned",
        _effect,
    ),
    "parallel_trends": ClaimRule(
        "not supported: the 95% interval of the difference in trends excludes zero; supported: it does not, a trend "
        "that makes half of the claimed effect would be found in 80% of panels, and the leads together have a "
        "permutation p above 0.05; else it cannot be told",
        _parallel_trends,
    ),
    "fake_groups": ClaimRule(
        "supported: at most 5% of all groups are at least as large, by the posterior mean and by two-way fixed "
        "effects; else it cannot be told: as for the effect, a larger share shows neither an effect nor that there is "
        "none. Where the fake estimates centre says nothing",
        _fake_groups,
    ),
    "fake_onsets": ClaimRule(
        "not supported: an interval excludes zero; supported: every interval lies within half of the claimed effect "
        "around zero; else it cannot be told, for an interval that holds zero and the claim shows neither",
        _fake_onsets,
    ),
    "matched": ClaimRule(
        "supported when the 95% interval of the matched effect lies above zero under all three ways to match, "
        "not supported when it lies below zero under all, else it cannot be told",
        _matched,
    ),
    "moderation": ClaimRule(
        "supported when the 95% interval of the slope lies below zero, not supported when it lies above, "
        "else it cannot be told; the version year by year counts",
        _moderation,
    ),
    "mediation": ClaimRule(
        "each channel: supported when the 95% interval of the indirect effect lies above zero whatever the correlation "
        f"of the two errors, up to {MODEST} in size; not supported when it lies below zero without one; else it cannot "
        "be told. All of them: supported; one or more not supported: not supported",
        _mediation,
    ),
    "both_positive": ClaimRule(
        "supported when both effects are above zero with probability 95% or more, not supported when with 5% or less, "
        "else it cannot be told",
        _both_positive,
    ),
}
