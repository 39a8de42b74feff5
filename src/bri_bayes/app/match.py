"""One CSV, one question: what is the effect on the treated against rows with the same propensity score?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import json_safe
from bri_bayes.data.covariate_formula import Column, names_in, regressors
from bri_bayes.data.microdata import Sample, sample_of
from bri_bayes.data.number_format import DECIDED, NumberFormat
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.text_table import read_table
from bri_bayes.design.design import LARGEST
from bri_bayes.frequentist.balance import balance, effective_size
from bri_bayes.frequentist.logit import Logit, logit
from bri_bayes.frequentist.matching import SAME_SCORE, Matched, Rule, att, match, weighting_att
from bri_bayes.frequentist.matching_variance import matching_errors

_ERRORS = {
    "abadie_imbens": "Abadie-Imbens",
    "abadie_imbens_sample": "Abadie-Imbens for these rows",
    "paired": "of pairs",
    "approximate": "approximate, fixed weights",
}
_YES, _NO = {"1", "1.0", "true", "t", "yes", "treated"}, {"0", "0.0", "false", "f", "no", "control"}


@dataclass(frozen=True)
class MatchRequest:
    """What the command line was asked. ``score`` : a column with a given score in place of a logit."""

    path: Path
    treatment: str
    covariates: tuple[str, ...]
    outcome: str
    rule: Rule
    score: str | None = None
    log_odds: bool = False
    marks: NumberFormat = DECIDED
    text_format: TextFormat = AS_USUAL


def match_values(request: MatchRequest) -> dict[str, Any]:
    """The values that ``bri-bayes match --json`` prints."""
    if not request.covariates:
        raise InputError("--covariates names no column; give at least one, as in --covariates age,log(income),age^2")
    table = read_table(request.path, request.treatment, request.text_format)
    try:
        header = table.header
        used = names_in(request.covariates, header)
        wanted = [request.treatment, request.outcome, *used, *([request.score] if request.score else [])]
        _check_roles(request, used)
        sample = sample_of(table, list(dict.fromkeys(wanted)), request.marks)
        treated = _treated(sample, request.treatment)
        y = _numbers(sample, request.outcome)
        columns = {name: sample.columns[name] for name in used}
        X = regressors(request.covariates, columns)
        fitted = None if request.score else logit(treated, X)
        score = _score(request, sample, fitted)
        matched = match(score, treated, request.rule)
    except InputError as error:
        message = str(error)
        raise InputError(message if message.startswith(str(request.path)) else f"{request.path}: {message}") from error
    values = {
        "panel": {
            "kind": "user",
            "label": request.path.name,
            "units": [],
            "periods": [],
            "rows": int(treated.size),
            "rows_dropped": sample.rows_dropped,
            "sources": [],
        },
        "outcome": request.outcome,
        "rule": dataclasses.asdict(request.rule),
        "att": att(matched, y),
        "se": matching_errors(matched, y).as_dict(),
        "att_weighting": _weighting(score, treated, y, log_odds=request.log_odds or request.score is not None),
        "difference_before": float(y[treated].mean() - y[~treated].mean()),
        "n_treated": int(treated.sum()),
        "n_controls": int((~treated).sum()),
        "n_matched_treated": int(matched.matched_treated.size),
        "n_matched_controls": int(matched.matched_controls.size),
        "ess_controls": effective_size(matched.weights.to_numpy()[matched.matched_controls]),
        "support": _support(matched),
        "balance": [
            row.as_dict() for row in balance(matched, regressors(request.covariates, columns, every_level=True))
        ],
        "propensity": _propensity(fitted),
        "warnings": _warnings(matched, sample),
    }
    return dict(json_safe(values))


def match_text(values: Mapping[str, Any]) -> str:
    """The values as text for a terminal."""
    se, rule = values["se"], values["rule"]
    errors = [f"{label} {se[name]:.6g}" for name, label in _ERRORS.items() if se[name] is not None]
    rows = {
        row["covariate"]: {
            f"{name} {stage}": row[stage][name] for stage in ("before", "after") for name in ("smd", "smd_treated_sd")
        }
        for row in values["balance"]
    }
    table = pd.DataFrame.from_dict(rows, orient="index").astype(float)
    replaced = "" if rule["method"] != "nearest" else " with replacement" if rule["replace"] else " without replacement"
    worth = f"{values['ess_controls']:.1f}"
    parts = [
        f"{values['outcome']}: effect on the treated {values['att']:.8g} by {rule['method']} matching{replaced}",
        f"Standard errors (the score as known): {', '.join(errors)}." if errors else "No standard error exists here.",
        f"{values['n_matched_treated']} of {values['n_treated']} treated rows matched with "
        f"{values['n_matched_controls']} of {values['n_controls']} controls, worth {worth} equal ones.",
        "Standardised mean differences (smd: pooled sd; smd_treated_sd: sd of the treated):\n"
        + table.to_string(float_format="{:.3f}".format, na_rep=""),
        *(f"Note: {warning}" for warning in values["warnings"]),
    ]
    return "\n\n".join(parts)


def _check_roles(request: MatchRequest, used: tuple[str, ...]) -> None:
    """Refuse one column in two roles: the answer would be an identity."""
    if request.outcome == request.treatment:
        raise InputError(f'the outcome "{request.outcome}" is the treatment, too; give it a column of its own')
    if request.outcome in used:
        raise InputError(f'the outcome "{request.outcome}" is among the covariates: a score may not know the outcome')
    if request.score in (request.treatment, request.outcome):
        role = "treatment" if request.score == request.treatment else "outcome"
        raise InputError(f'--score "{request.score}" is the {role}; a score is a probability of being treated')


def _treated(sample: Sample, name: str) -> NDArray[np.bool_]:
    words = [str(value).strip().lower() for value in sample.columns[name]]
    for row, word in zip(sample.rows, words, strict=True):
        if word not in _YES | _NO:
            raise InputError(f'{sample.file}: row {row}: the treatment "{name}" is "{word}"; it must be 0 or 1')
    treated = np.array([word in _YES for word in words])
    if treated.all() or not treated.any():
        raise InputError(
            f'the treatment "{name}" is {int(treated[0])} in every row: there are no two groups to compare'
        )
    return treated


def _numbers(sample: Sample, name: str) -> NDArray[np.float64]:
    column: Column = sample.columns[name]
    if column.dtype == object:
        raise InputError(f'the outcome "{name}" has words, as "{column[0]}" in row {sample.rows[0]}; it needs numbers')
    values = np.asarray(column, dtype=float)
    if (size := float(np.abs(values).max())) > LARGEST:
        raise InputError(f'the outcome "{name}" has numbers of the size {size:.0e}; give it in other units')
    return values


def _score(request: MatchRequest, sample: Sample, fitted: Logit | None) -> NDArray[np.float64]:
    if fitted is not None:
        return np.asarray((fitted.linear if request.log_odds else fitted.score).to_numpy())
    assert request.score is not None, "without a logit the score is a column"
    return _numbers(sample, request.score)


def _weighting(
    score: NDArray[np.float64], treated: NDArray[np.bool_], y: NDArray[np.float64], *, log_odds: bool
) -> float | None:
    """The Hajek estimate where the score is a probability."""
    if log_odds and not ((score > 0) & (score < 1)).all():
        return None
    return weighting_att(score, treated, y)


def _support(matched: Matched) -> dict[str, Any]:
    """The rule, both ranges, and how many rows lie outside the other group's range whatever the rule."""
    score, treated = matched.score.to_numpy(), matched.treated.to_numpy()
    ranges = {
        name: [float(score[side].min()), float(score[side].max())]
        for name, side in (("treated", treated), ("controls", ~treated))
    }
    (t_low, t_high), (c_low, c_high) = ranges["treated"], ranges["controls"]
    outside = (score < c_low - SAME_SCORE) | (score > c_high + SAME_SCORE)
    beyond = (score < t_low - SAME_SCORE) | (score > t_high + SAME_SCORE)
    off = ~matched.on_support.to_numpy()
    return {
        "rule": matched.rule.support,
        "score_range_treated": ranges["treated"],
        "score_range_controls": ranges["controls"],
        "treated_outside_controls": int((treated & outside).sum()),
        "controls_outside_treated": int((~treated & beyond).sum()),
        "treated_left_out": int((treated & off).sum()),
        "controls_left_out": int((~treated & off).sum()),
        "treated_without_match": int(treated.sum() - matched.matched_treated.size - (treated & off).sum()),
    }


def _propensity(fitted: Logit | None) -> dict[str, Any] | None:
    if fitted is None:
        return None
    se = np.sqrt(np.diag(fitted.covariance))
    terms = [str(term) for term in fitted.coefficients["term"].values]
    rows = zip(terms, fitted.coefficients.values, se, strict=True)
    coefficients = [{"term": term, "estimate": float(estimate), "se": float(error)} for term, estimate, error in rows]
    return {"log_likelihood": fitted.log_likelihood, "coefficients": coefficients}


def _warnings(matched: Matched, sample: Sample) -> list[str]:
    notes = list(sample.notes)
    if sample.rows_dropped:
        notes.append(f"{sample.rows_dropped} rows with a missing value were left out, none filled.")
    outside = _support(matched)["treated_outside_controls"]
    n_treated = int(matched.treated.to_numpy().sum())
    if outside:
        notes.append(
            f"{outside} of {n_treated} treated rows lie outside the scores of the controls: their matches extrapolate."
        )
    unmatched = n_treated - matched.matched_treated.size
    if unmatched:
        notes.append(f"{unmatched} of {n_treated} treated rows have no match: the effect is that of the others.")
    return notes
