"""Does the answer hang on the model? Cards scored on what they have not seen, with the effect under each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import pandas as pd

from bri_bayes.checks.model_scores import differences, model_scores
from bri_bayes.checks.model_table import model_table
from bri_bayes.estimands.comparison import RULE, SMALL_DIFFERENCE, require_same_rows
from bri_bayes.presentation import sentences
from bri_bayes.presentation.page_parts import (
    Paragraph,
    Part,
    Picture,
    Shown,
    chance,
    digits_of,
    page_table,
    plain,
    row_name,
)
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values, unit_name
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step
from bri_bayes.study.model_card import ModelCard, load_card

NAME = "compare"
NOT_QUICK = "it is sampled with NUTS, and this is a quick run"
DEFINITIONS: Mapping[str, str] = {
    "elpd_loo": "sum over rows of log p(row given all other rows), coefficients integrated in closed form, "
    "hyperparameters by importance points placed for it; PSIS from draws where there is no closed form (method psis)",
    "loco": "leave one unit out: log density of its movements around its own mean (orthonormal contrasts) given all "
    "other units; the level of a unit that was not seen has a wide prior, whose density would drown the rest",
    "lfo": "leave the future out, one step ahead from the onset on: log density of the contrasts between units in a "
    "period given all earlier periods; the common shock of a new period has a wide prior; the effect of a new period "
    "follows from its random walk",
    "log_marginal": "log density of all rows under the prior; it depends on the wide priors of levels, so that cards "
    "with fixed and with correlated period effects are not to be compared on it",
    "waic": "from the same densities of rows given all others as PSIS",
    "weight": "stacking: the mixture of cards with the best score of left-out rows",
    "verdict": RULE,
}


def _steps(context: Context) -> list[Step]:
    steps = []
    for outcome in context.study.outcomes:
        cards = _cards(context, outcome)
        analyses = {name: context.analysis(outcome, card) for name, card in cards.items()}
        require_same_rows(analyses)
        for name, analysis in analyses.items():
            if _is_left_out(context, analysis.card):
                continue
            key = content_key("model-scores", analysis.digest, context.seed, context.quick)
            call = partial(model_scores, analysis, context.seed, quick=context.quick)
            steps.append(Step(NAME, (outcome, name), key, call))
    return steps


def _collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    outcomes: dict[str, Any] = {}
    failed = []
    for outcome, column in context.study.outcomes.items():
        cards = _cards(context, outcome)
        main = next(iter(cards.values()))
        scored = {name: results[outcome, name] for name in cards if (outcome, name) in results}
        if len(scored) < 2:
            continue
        labels = {name: differences(card, main) for name, card in cards.items()}
        skipped = [{"name": name, "reason": NOT_QUICK} for name in cards if name not in scored]
        table = model_table(scored, labels)
        failed += [
            f"{outcome}/{row['name']}: its leave-one-out score is unreliable (k-hat {row['khat_max']:.2f})"
            for row in table["models"]
            if row["verdict"] == "unreliable" or not row["trustworthy"]
        ]
        described = {"label": column.label or outcome, "units": column.units, "transform": column.transform}
        rows = len(next(iter(scored.values()))["unit_ix"])
        units = len(set(next(iter(scored.values()))["unit_ix"]))
        titles = {name: card.title for name, card in cards.items()}
        counts = {"rows": rows, "units": units, "onset": min(context.study.assignment.onsets)}
        outcomes[outcome] = {**described, **counts, **table, "titles": titles, "skipped": skipped}
    return SectionResult(outcomes, failed_gates=failed, further={"definitions": DEFINITIONS})


def _cards(context: Context, outcome: str) -> dict[str, ModelCard]:
    """The cards of the comparison that can have this outcome, the first of them the main one."""
    loaded = [load_card(name) for name in context.study.compare.models]
    return {card.name: card for card in loaded if card.outcome in (None, outcome)}


def _is_left_out(context: Context, card: ModelCard) -> bool:
    return context.quick and not card.is_marginal


def _parts(values: Values) -> list[Part]:
    found = (values.get(NAME) or {}).get("outcomes") or {}
    if not found:
        return []
    parts: list[Part] = [
        Paragraph(
            "Each card predicts rows that it was not fitted to. The score is the sum of the log densities of the rows, "
            "each given all others; a difference counts only against its standard error. Rows of one "
            f"{sentences.singular(sentences.unit_noun(values))} hang together, so a second standard error sums within "
            f"{sentences.unit_noun(values)} first, and rests on as few numbers as there are of them: with nine, read "
            f"both as lower limits, and take a difference below {SMALL_DIFFERENCE:g} as none. Weights of models "
            "that predict alike can be exchanged for one another."
        ),
        Picture("model_scores"),
    ]
    for name, outcome in found.items():
        own = _scores(values, name)
        digits = sentences.decimals({**outcome, "models": {"best": outcome["models"][0]}, "main": "best"}) + 1
        columns = {"label": ("model", row_name), "elpd_diff": ("score, against the best", digits_of(1))}
        columns |= {"se_diff": ("s.e.", digits_of(1)), "se_diff_units": ("s.e. by unit", digits_of(1))}
        columns |= {"weight": ("weight", chance), "verdict": ("score is", plain), "mean": ("effect", digits_of(digits))}
        columns |= {"lower": ("2.5%", digits_of(digits)), "upper": ("97.5%", digits_of(digits))}
        columns |= {"p_positive": ("P(> 0)", chance)}
        skipped = [f"{row['name']} is left out: {row['reason']}." for row in outcome["skipped"]]
        parts.append(Shown(page_table(own, outcome["label"], columns, skipped)))
    for name, outcome in found.items():
        own = _scores(values, name)
        columns = {"label": ("model", row_name), "elpd_loo": ("leave-one-out", digits_of(1))}
        columns |= {"mc_sd": ("Monte Carlo s.d.", digits_of(2)), "psis": ("PSIS", digits_of(1))}
        columns |= {"khat_max": ("its largest k-hat", digits_of(2)), "waic": ("WAIC", digits_of(1))}
        columns |= {"loco": ("leave-unit-out", digits_of(1)), "lfo": ("leave-future-out", digits_of(1))}
        columns |= {"log_marginal": ("log marginal", digits_of(1)), "p_loo": ("parameters", digits_of(1))}
        notes = [f"{key}: {text}." for key, text in values[NAME]["definitions"].items()]
        parts.append(
            Shown(page_table(own, outcome["label"], columns, notes), folded=f"Every score: {outcome['label']}")
        )
    return parts


def compare_table(values: Values) -> pd.DataFrame:
    """A row an outcome and model, the best score first."""
    frames = [_scores(values, name) for name in (values.get(NAME) or {}).get("outcomes") or {}]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=[*_COLUMNS, "panel"])


def blocks_table(values: Values) -> pd.DataFrame:
    """The score of each unit and each period that was left out."""
    rows = [row for name in (values.get(NAME) or {}).get("outcomes") or {} for row in _block_rows(values, name)]
    return pd.DataFrame(rows, columns=list(_BLOCK_COLUMNS)).assign(panel=values["panel"]["kind"])


_COLUMNS = (
    *("outcome", "model", "label", "verdict", "method", "elpd_loo", "se", "elpd_diff", "se_diff", "se_diff_units"),
    *("weight", "pseudo_bma", "pseudo_bma_plus", "mc_sd", "p_loo", "psis", "khat_max", "waic", "loco", "lfo"),
    *("log_marginal", "mean", "sd", "lower", "upper", "p_positive"),
)
_BLOCK_COLUMNS = ("outcome", "model", "left_out", "name", "elpd", "contrasts", "khat")


def _scores(values: Values, name: str) -> pd.DataFrame:
    rows = []
    for row in values[NAME]["outcomes"][name]["models"]:
        flat = {key: row.get(key) for key in _COLUMNS} | {"outcome": name, "model": row["name"]}
        flat |= {key: row[key]["elpd"] for key in ("psis", "waic", "loco", "lfo")}
        rows.append(flat | row["att"])
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    numbers = [column for column in _COLUMNS if column not in ("outcome", "model", "label", "verdict", "method")]
    return frame.astype(dict.fromkeys(numbers, "float64")).assign(panel=values["panel"]["kind"])


def _block_rows(values: Values, name: str) -> Iterator[dict[str, Any]]:
    for row in values[NAME]["outcomes"][name]["models"]:
        for kind in ("loco", "lfo"):
            for label, score in (row[kind].get("by") or {}).items():
                shown = unit_name(values, label) if kind == "loco" else label
                yield {"outcome": name, "model": row["name"], "left_out": kind, "name": shown, **score}


SECTION = Section(
    name=NAME,
    title="Model comparison",
    steps=_steps,
    collect=_collect,
    parts=_parts,
    tables={
        "model_comparison": ("Model comparison: scores of left-out rows, weights, and the effect", compare_table),
        "model_comparison_left_out": ("Scores of each unit and period that was left out", blocks_table),
    },
)
