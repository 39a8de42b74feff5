"""Which of several cards predicts best, and what do they say together? From the scores of each card to one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import PROB
from bri_bayes.estimands.comparison import (
    SMALL_DIFFERENCE,
    WAIC_LIMIT,
    Verdict,
    difference,
    mixture_att,
    model_weights,
    psis_verdict,
    total,
)
from bri_bayes.inference.importance import KHAT_LIMIT


def model_table(found: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str]) -> dict[str, Any]:
    """``models`` from the best score to the worst, with differences and weights, and the ``stacked`` ATT.

    ``found`` : ``model_scores`` by card. A card whose score is unreliable by rule keeps its row, but is no reference
    and has no weight.
    """
    scores = {name: _elpd(record) for name, record in found.items()}
    verdicts = {name: _verdict(record) for name, record in found.items()}
    used = [name for name in found if verdicts[name] != "unreliable"]
    rows = [{"name": name, "label": labels[name], **_row(record)} for name, record in found.items()]
    for row in rows:
        row["verdict"] = verdicts[row["name"]]
    order = sorted(rows, key=lambda row: -row["elpd_loo"])
    if not used:
        return {"models": order, "best": None, "stacked": None, "att_range": _range(rows)}
    best = max(used, key=lambda name: float(scores[name].sum()))
    unit_ix = np.asarray(found[best]["unit_ix"])
    weights = model_weights({name: scores[name] for name in used})
    for row in order:
        name = row["name"]
        row.update(difference(scores[name], scores[best], unit_ix))
        row["similar"] = abs(row["elpd_diff"]) < max(SMALL_DIFFERENCE, 2 * max(row["se_diff"], row["se_diff_units"]))
        row["weight"] = weights["stacking"].get(name)
        row["pseudo_bma"] = weights["pseudo_bma"].get(name)
        row["pseudo_bma_plus"] = weights["pseudo_bma_plus"].get(name)
    draws = {name: found[name]["att_draws"] for name in used}
    stacked = {"att": mixture_att(draws, weights["stacking"], prob=PROB)}
    stacked["att_pseudo_bma_plus"] = mixture_att(draws, weights["pseudo_bma_plus"], prob=PROB)
    return {"models": order, "best": best, "stacked": stacked, "att_range": _range(rows)}


def _elpd(record: Mapping[str, Any]) -> Array:
    return np.asarray((record["loo"] or record["psis"])["elpd"], dtype=float)


def _verdict(record: Mapping[str, Any]) -> Verdict:
    if record["loo"] is None:
        return psis_verdict(np.asarray(record["psis"]["khat"]), record["psis"]["khat_limit"])
    return "exact" if _worst(record["loo"]["khat"]) < KHAT_LIMIT else "unreliable"


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    loo, psis, waic = record["loo"], record["psis"], record["waic"]
    elpd = _elpd(record)
    sums = total(elpd)
    khat = np.asarray(psis["khat"])
    lppd = float(np.sum(waic["elpd"]) + np.sum(waic["p"]))
    return {
        "method": "psis" if loo is None else "exact",
        "elpd_loo": sums["elpd"],
        "se": sums["se"],
        "p_loo": lppd - sums["elpd"],
        "mc_sd": None if loo is None else loo["mc_sd"],
        "rows_refitted": None if loo is None else int(np.sum(loo["refitted"])),
        "khat_hyper": None if loo is None else _worst(loo["khat"]),
        "khat_max": _worst(khat),
        "psis": {
            "elpd": float(np.sum(psis["elpd"])),
            "p": psis["p_loo"],
            "khat_max": _worst(khat),
            "khat_limit": psis["khat_limit"],
            "rows_above": int(np.sum(khat >= psis["khat_limit"])),
            "verdict": psis_verdict(khat, psis["khat_limit"]),
            "error": None if loo is None else float(np.sum(psis["elpd"]) - sums["elpd"]),
        },
        "waic": {
            "elpd": float(np.sum(waic["elpd"])),
            "p": float(np.sum(waic["p"])),
            "rows_above": int(np.sum(np.asarray(waic["p"]) > WAIC_LIMIT)),
        },
        "loco": _blocks(record["loco"]),
        "lfo": _blocks(record["lfo"]),
        "log_marginal": record["log_marginal"],
        "att": record["att"],
        "engine": record["engine"],
        "trustworthy": record["trustworthy"],
        "notes": record["notes"],
    }


def _blocks(found: Mapping[str, Any]) -> dict[str, Any]:
    """Sum, standard error over blocks, worst k-hat, and each block; or the reason why there is none."""
    if found.get("reason"):
        return {"elpd": None, "se": None, "reason": found["reason"]}
    elpd = np.array([np.nan if value is None else value for value in found["elpd"]], dtype=float)
    by_label = {
        str(label): {"elpd": score, "khat": khat, "contrasts": contrasts}
        for label, score, khat, contrasts in zip(
            found["labels"], found["elpd"], found["khat"], found["contrasts"], strict=True
        )
    }
    khat = _worst([value for value in found["khat"] if value is not None])
    return {**total(elpd), "mc_sd": found["mc_sd"], "khat_max": khat, "reliable": khat < KHAT_LIMIT, "by": by_label}


def _worst(khat: Any) -> float:
    return max((float(value) for value in khat), default=0.0)


def _range(rows: list[dict[str, Any]]) -> dict[str, Any]:
    means = {row["name"]: row["att"]["mean"] for row in rows}
    low, high = min(means, key=lambda name: means[name]), max(means, key=lambda name: means[name])
    return {"lowest": means[low], "lowest_model": low, "highest": means[high], "highest_model": high}
