"""What does a section answer in a sentence or two? From values alone, shorter than the captions of its figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bri_bayes.checks.robustness import LAST_YEAR
from bri_bayes.frequentist.estimate import SIGNIFICANCE
from bri_bayes.presentation import sentences
from bri_bayes.presentation import study_tables as tables
from bri_bayes.presentation.digits import digits_of, digits_of_published
from bri_bayes.presentation.names_shown import card_label
from bri_bayes.presentation.sentences import interval, number, probability, signed
from bri_bayes.presentation.study_tables import PRE_AVERAGE, Values, main_model
from bri_bayes.report.captions import caption
from bri_bayes.report.figures import available
from bri_bayes.report.figures.wording import excluding_zero


def captions(*figures: str) -> Callable[[Values], list[str]]:
    """The first sentence of each caption of these figures, of those that the study has."""

    def said(values: Values) -> list[str]:
        drawn = [name for name in figures if name in available(values)]
        return [_first_sentence(text) for name in drawn for text in caption(values, name)]

    return said


def from_appendix(anchor: str, content: Mapping[str, Any]) -> list[str]:
    """What a section of the main answer says in the appendix, in a sentence or two."""
    if anchor == "data":
        panel = content["panel"]
        return [
            f"{(panel['label'] or 'A panel without a label').rstrip('.')}: {len(panel['units'])} {content['noun']}, "
            f"{content['years']}; {panel['rows']:,} rows."
        ]
    if anchor == "published" and content["audit_count"]:
        return [
            f"The printed tables were recomputed: {content['audit_count']}",
            f"The first: {content['audit'][0]['findings'][0]['finding']}",
        ]
    return [content["gate"]] if anchor == "models" and content["gate"] else []


def event_study(values: Values) -> list[str]:
    """Years that exclude zero, before and after, against one baseline; and what clustered bars say."""
    events, texts = tables.by_event_time(values), []
    for name, outcome in values["outcomes"].items():
        if not main_model(outcome):
            continue
        rows = tables.event_study_rows(events[events["outcome"] == name], outcome)
        rows = rows[rows["baseline"] == (PRE_AVERAGE if (rows["baseline"] == PRE_AVERAGE).any() else rows["baseline"])]
        if rows.empty:
            continue
        out, before = (rows["lower"] > 0) | (rows["upper"] < 0), (rows["event_time"] < 0) & (rows["sd"] > 0)
        after = rows["event_time"] >= 0
        counts = f"{out[after].sum()} of {after.sum()} years after the onset"
        counts += f" and {out[before].sum()} of {before.sum()} before it" if before.any() else ""
        least = [row for row in outcome.get("event_study") or [] if row.get("lower") is not None]
        clustered = sum(sentences.excludes_zero(row) for row in least)
        more = f"; by clustered least squares, {clustered} of {len(least)}" if least else ""
        texts.append(f"{outcome['label']}: {counts} exclude zero{more}.")
    return texts


def paths(values: Values) -> list[str]:
    """How often the outcome lies in the band, and what the effect means in dollars."""
    texts = []
    for outcome in values["outcomes"].values():
        model = main_model(outcome)
        told = []
        if model.get("counterfactual"):
            told.append(f"the outcome lies inside the band in {sentences.in_band(values, [outcome])}")
        if (in_dollars := tables.last_in_dollars(model)) is not None:
            last, effect = in_dollars
            low, high = (sentences.dollars(effect[end]) for end in ("lower", "upper"))
            told.append(f"in {last} the additional trade is {low} to {high} (95% interval)")
        if told:
            texts.append(f"{outcome['label']}: {'; '.join(told)}.")
    return texts


def power(values: Values) -> list[str]:
    """At the persistence of the panel: the power of the posterior, and the size of the ordinary test."""
    texts = []
    for outcome in values["outcomes"].values():
        if entry := outcome.get("power"):
            at = {
                (row["test"], row["effect"] == 0): row["power"] for row in entry["rows"] if row["rho"] == entry["rho"]
            }
            power_share, false_alarms = (
                probability(at[key], words=False) for key in (("bayes/posterior", False), ("twfe/iid", True))
            )
            effect = signed(entry["effect"], digits_of_published(entry["effect"]))
            texts.append(
                f"{outcome['label']}: among panels whose units are independent and as persistent as here, an effect of "
                f"{effect} is found by the posterior in {power_share}; ordinary standard errors "
                f"find one that is not there in {false_alarms}."
            )
    return texts


def pretrends(values: Values) -> list[str]:
    """The difference in trends, the smallest that the panel could show, the largest lead, and all leads together."""
    texts = []
    for outcome in values["pretrends"]["outcomes"].values():
        trend = outcome["pretrend"]
        slope, largest, p_value = trend["slope"], tables.largest_lead(trend), trend["joint"]["p_permutation"]
        verdict = {True: "no trend that matters", False: "the groups moved apart"}.get(
            trend["passed"], "no linear trend is found, and little could be"
        )
        if trend["passed"] is None and p_value <= SIGNIFICANCE:
            verdict = "no linear trend is found, but the years before differ by more than chance"
        digits = max(digits_of(slope["lower"], slope["upper"], "none"), 3)
        lead = max(digits_of(largest["lower"], largest["upper"], "none"), 2)
        texts.append(
            f"{outcome['label']}: {verdict}; the trends differ by {signed(slope['mean'], digits)} a year "
            f"({interval(slope['lower'], slope['upper'], digits)}); {number(trend['detectable_slope'], digits)} would "
            f"be shown in 80% of panels. The largest lead is {signed(largest['mean'], lead)} in {largest['period']}; "
            f"all leads together: p = {number(p_value, 3)} by permutation, {number(trend['p_posterior'], 3)} in the "
            "posterior."
        )
    return texts


def honest(values: Values) -> list[str]:
    """Where zero comes inside as trends may part, and the effect averaged over the drift that was learned."""
    texts = []
    for outcome in values["honest"]["outcomes"].values():
        reached = outcome["breakdown"]["s"]
        first = (
            "zero is inside the interval even with parallel trends"
            if reached is None and not sentences.excludes_zero(outcome["none"])
            else f"zero comes inside at a drift of {number(reached, 3)} a year"
            if reached is not None
            else "zero stays outside at every drift that was tried"
        )
        effect = outcome["learned"]["att"]
        texts.append(
            f"{outcome['label']}: {first}; averaged over a random drift as large as the years before teach, the effect "
            f"is {_effect(effect)}."
        )
    return texts


def placebo(values: Values) -> list[str]:
    """How many placebos are as large: other regions where there are any, and groups of the same units."""
    texts = []
    for outcome in values["placebo"]["outcomes"].values():
        told = []
        for key, what in (("region", "other regions"), ("space", "groups of the same units"),
                          ("time", "earlier onsets"), ("predictive", "simulated worlds")):  # fmt: skip
            null = outcome.get(key)
            if null and null.get("p_value") is not None:
                told.append(f"{probability(null['p_value'], words=False)} among {what}")
        if told:
            texts.append(f"{outcome['label']}: placebo p-values, the actual effect counted: {sentences.listed(told)}.")
    return texts


def controls(values: Values) -> list[str]:
    """The range over sets of controls and a share of the effect in them; where no set was tried, one unit less."""
    told = captions("control_subsets", "contamination")(values)
    return told or captions("control_pool")(values)


def pool(values: Values) -> list[str]:
    """The effect with shared shocks as large as all regions teach."""
    return [
        f"{outcome['label']}: with shocks as large as {outcome['wide']['units']} units in "
        f"{len(outcome['wide']['regions'])} regions teach, the effect is {_effect(outcome['wide']['informed'])}."
        for outcome in values["pool"]["outcomes"].values()
        if outcome.get("wide")
    ]


def propensity(values: Values) -> list[str]:
    """Who has no counterpart, and the effects under every way to match."""
    return [*captions("overlap")(values)[:1], *(text.split("; up to")[0].rstrip(".") + "." for text in
            caption(values, "psm_did"))]  # fmt: skip


def compare(values: Values) -> list[str]:
    """The best model, the spread of the effects, and the stacked one."""
    texts = []
    for outcome in values["compare"]["outcomes"].values():
        span, count = outcome["att_range"], excluding_zero(row["att"] for row in outcome["models"])
        name = outcome["best"]
        best = "no score is reliable" if name is None else f"{card_label(name, values)} predicts best"
        stacked = f"; stacked: {_effect(outcome['stacked']['att'])}" if outcome.get("stacked") else ""
        texts.append(
            f"{outcome['label']}: {best}; effects run from {signed(span['lowest'], 2)} to "
            f"{signed(span['highest'], 2)}, {count} of {len(outcome['models'])} exclude zero{stacked}."
        )
    return texts


def speccurve(values: Values) -> list[str]:
    """The median and the middle half of the curve, and the permutation test of its median."""
    texts = []
    for outcome in values["speccurve"]["outcomes"].values():
        curve, permuted = outcome["summary"], outcome.get("permutation")
        text = (
            f"{outcome['label']}: of {curve['n']:,} fits the median is {signed(curve['median'], 2)} (middle half "
            f"{interval(curve['q25'], curve['q75'], 2)}); {curve['above']} intervals lie above zero, {curve['below']} "
            "below"
        )
        texts.append(f"{text}; permutation p = {number(permuted['p_value'], 2)}." if permuted else f"{text}.")
    return texts


def robustness(values: Values) -> list[str]:
    """The span of every answer; a sample that ends earlier where it answers otherwise."""
    texts = []
    for outcome in values["robustness"]["outcomes"].values():
        lowest, highest = outcome["mean"]
        digits = max(digits_of(lowest, highest, "none"), 2)
        text = (
            f"{outcome['label']}: {outcome['answers']:,} answers have means from {signed(lowest, digits)} "
            f"to {signed(highest, digits)}, {outcome['above']:,} above zero; {outcome['leaves_zero_out']:,} "
            "exclude zero."
        )
        texts += [text, *_ends_otherwise(outcome)]
    return texts


def _ends_otherwise(outcome: Values) -> list[str]:
    """The latest earlier end of the sample at which the interval leaves zero otherwise."""
    main = outcome["main"]
    for choice in outcome["choices"]:
        for option in choice["options"] if choice["choice"] == LAST_YEAR else ():
            if _side(option["lower"], option["upper"]) != _side(main["lower"], main["upper"]):
                mean, low, high = (signed(option[key], 2) for key in ("mean", "lower", "upper"))
                return [f"Were {option['option']} the last year, the mean would be {mean} ({low} to {high})."]
    return []


def _side(lower: float, upper: float) -> int:
    return int(lower > 0) - int(upper < 0)


def prior(values: Values) -> list[str]:
    """How far the answer shown first moves when a prior of its card is made twice or half as wide."""
    texts = []
    for outcome in (values["prior"].get("details") or {}).values():
        if refits := outcome.get("refits"):
            most = max(abs(row["moved_sd"]) for row in refits)
            width = max(abs(row["width_ratio"] - 1) for row in refits)
            of_card = f"{len(refits) // 2} priors of {card_label(outcome['card'], values)}"
            texts.append(
                f"{outcome['label']}: with any of the {of_card} half or twice as wide the mean moves by at most "
                f"{number(most, 2)} posterior standard deviations and the interval's width by "
                f"{probability(width, words=False)}."
            )
    return texts


def replication(values: Values) -> list[str]:
    """How much of the printed tables comes back."""
    section = values["replication"]
    back = sum(entry["agrees"] for entry in section["coefficients"])
    return [
        f"On panels rebuilt from its tables, {back} of {len(section['coefficients'])} printed coefficients come back. "
        "They are no observations."
    ]


def consistency(values: Values) -> list[str]:
    """How many sets of tables exclude each other."""
    groups = values["consistency"]["groups"]
    conflicts = sum(entry["verdict"] == "conflict" for entry in groups)
    return [f"{conflicts} of {len(groups)} sets of tables cannot come from one data set."]


def claims(values: Values) -> list[str]:
    """How many claims have each verdict."""
    verdicts = [claim["verdict"] for claim in values["claims"]["claims"]]
    counts = [f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts)]
    return [f"Of {len(verdicts)} claims: {sentences.listed(counts)}. Each verdict follows by a fixed rule."]


def _effect(effect: Mapping[str, float]) -> str:
    return f"{signed(effect['mean'], 2)} ({interval(effect['lower'], effect['upper'], 2)})"


def _first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence."""
    first, stop, _ = text.partition(". ")
    return f"{first}." if stop else text
