"""What do the choice of controls and the specification curve say, in plain sentences by a rule?

A share kappa is "hardly" known below ``HARDLY_LEARNED`` bits between its prior and its posterior. Everything else is a
range, a count of intervals that exclude zero, or the choice with the largest number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bri_bayes.checks.contamination import HARDLY_LEARNED
from bri_bayes.checks.number_of_factors import DETERMINED
from bri_bayes.presentation import sentences
from bri_bayes.presentation.names_shown import in_sentence
from bri_bayes.presentation.study_tables import Values, unit_name

# Numbers of factors less probable than this are not named.
LEAST_TOLD = 0.01
KINDS = {
    "main": "controls of the study",
    "subsets": "set of controls",
    "leave_one_out": "one unit left out",
    "pool": "wider pool",
    "synthetic": "synthetic control",
    "factor": "factor model",
}
CHOICE_NAMES = {
    "controls": "which controls",
    "period": "period effects",
    "errors": "errors",
    "covariates": "covariates",
    "onset": "onset year",
    "imputation": "missing cells",
}


def subset_sentence(values: Values, outcome: Values, digits: int) -> str:
    """The range over all sets, how many intervals exclude zero, and the control that moves the estimate most."""
    sets = outcome["subsets"]
    means = [record["att"]["mean"] for record in sets]
    count = sum(sentences.excludes_zero(record["att"]) for record in sets)
    text = (
        f"{outcome['label']}: over {len(sets)} sets of controls the estimate runs from "
        f"{sentences.signed(min(means), digits)} to {sentences.signed(max(means), digits)}; "
        f"{count} of {len(sets)} intervals exclude zero."
    )
    if moves := outcome.get("influence"):
        text += f" {influence_sentence(values, moves, digits)}"
    return text


def influence_sentence(values: Values, moves: list[Mapping[str, Any]], digits: int) -> str:
    """Which control moves the estimate most, and the next one."""
    first = moves[0]
    text = (
        f"{unit_name(values, first['control'])} moves it most: by {sentences.signed(first['joins'], digits)} "
        f"on average when it joins (mean {sentences.signed(first['without'], digits)} without it, "
        f"{sentences.signed(first['with'], digits)} with it)"
    )
    if len(moves) > 1:
        second = moves[1]
        text += f"; then {unit_name(values, second['control'])}, by {sentences.signed(second['joins'], digits)}"
    return f"{text}."


def contamination_sentence(outcome: Values, digits: int) -> str:
    """The effect with clean and with fully exposed controls, and whether the data say anything about the share."""
    clean, full = outcome["contaminated"][0]["att"]["mean"], outcome["contaminated"][-1]["att"]["mean"]
    share = outcome["contamination"]
    kappa, bits = share["kappa"], share["quadrature"]["learned"]
    hardly = "hardly tell" if bits < HARDLY_LEARNED else "say something of"
    return (
        f"{outcome['label']}: {sentences.signed(clean, digits)} with clean controls, "
        f"{sentences.signed(full, digits)} if they had all of the effect after joining. The data {hardly} the share: "
        f"its posterior is {kappa['mean']:.2f} (sd {kappa['sd']:.2f}; a uniform prior has 0.50, 0.29), {bits:.2f} bits "
        f"from the prior. With the share unknown the effect is {sentences.signed(share['att']['mean'], digits)} "
        f"(95% interval {sentences.interval(share['att']['lower'], share['att']['upper'], digits)})."
    )


def coverage_sentence(outcome: Values, digits: int) -> str:
    """What each counterfactual model expects, and how often its interval fails for donors."""
    texts = []
    for kind, noun in (("synthetic", "The synthetic control"), ("factor", "The factor model")):
        model = outcome.get(kind) or {}
        if "att" not in model:
            continue
        placebo, att = model["placebo"], model["att"]
        of_sets = ""
        if "set_coverage" in placebo:
            of_sets = f" and {100 * placebo['set_coverage']:.0f}% of {placebo['fitted_sets']} averages of random donors"
        texts.append(
            f"{noun} gives {sentences.signed(att['mean'], digits)} "
            f"({sentences.interval(att['lower'], att['upper'], digits)}); its 95% intervals cover zero for "
            f"{100 * placebo['coverage']:.0f}% of {placebo['n']} donors{of_sets}, and "
            f"{placebo['set_size']} random donors are as far from zero with probability {placebo['p_value']:.2f}."
        )
    return f"{outcome['label']}: {in_sentence(' '.join(texts))}" if texts else ""


def factors_sentence(outcome: Values) -> str:
    """Whether the donors determine the number of factors, with the probability of each to predict best."""
    rows = [row for row in (outcome.get("factor") or {}).get("ranks") or [] if "p_best" in row]
    if len(rows) < 2:
        return ""
    rows = sorted(rows, key=lambda row: -row["p_best"])
    told = [row for row in rows if row["p_best"] >= LEAST_TOLD or row is rows[0]]
    named = sentences.listed(
        f"{sentences.counted(row['rank'], 'factors')} with {sentences.probability(row['p_best'], words=False)}"
        for row in told
    )
    if rows[0]["p_best"] >= DETERMINED:
        return f"{outcome['label']}: the donors determine the number of factors; best predict {named}."
    return (
        f"{outcome['label']}: the donors do not determine the number of factors, and the answer is averaged over them; "
        f"best predict, by probability, {named}."
    )


def comparison_label(values: Values, kind: str, record: Mapping[str, Any]) -> str:
    """A comparison in words."""
    if kind == "subsets":
        return ", ".join(unit_name(values, unit) for unit in record["controls"])
    if kind == "leave_one_out":
        return f"without {unit_name(values, record['without'])}"
    if kind == "pool":
        return f"{record['rule']} ({len(record['controls'])})"
    if kind in ("synthetic", "factor"):
        return f"{KINDS[kind]} ({record['donors']} donors)"
    return "all controls of the study"


def curve_sentence(outcome: Values, digits: int) -> str:
    """Median, range, intervals that exclude zero, and the permutation of the median."""
    summary, exact = outcome["summary"], outcome["permutation"]
    text = (
        f"{outcome['label']}: the median of {summary['n']:,} estimates is "
        f"{sentences.signed(summary['median'], digits)} (middle half "
        f"{sentences.interval(summary['q25'], summary['q75'], digits)}); {summary['above']} intervals lie above zero "
        f"and {summary['below']} below."
    )
    if "refused" in exact:
        return f"{text} There is no permutation of the median: {exact['refused']}."
    return (
        f"{text} Of all {exact['n_groups']} groups that could have been called treated, {exact['larger']} have a "
        f"least-squares curve with a median as far from zero (p = {exact['p_value']:.2f})."
    )


def shares_sentence(outcome: Values) -> str:
    """Which choice explains most of the differences."""
    shares = outcome["shares"]["shares"]
    if not shares:
        return ""
    top = " and ".join(f"{CHOICE_NAMES[row['choice']]} ({100 * row['share']:.0f}%)" for row in shares[:2])
    text = f"Of the variance over the curve, {top} explain most by themselves"
    pairs = outcome["shares"]["pairs"]
    if pairs and pairs[0]["share"] > shares[-1]["share"]:
        names = " with ".join(CHOICE_NAMES[name] for name in pairs[0]["choices"])
        text += f"; the largest interplay is {names} ({100 * pairs[0]['share']:.0f}%)"
    return f"{text}."
