"""Section: what does the prior expect, which prior does the answer hang on, and which scales can so few units learn?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from bri_bayes.core.json_values import json_safe
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.presentation import page_parts as page
from bri_bayes.presentation import sentences
from bri_bayes.presentation.results import SectionResult
from bri_bayes.presentation.study_tables import Values
from bri_bayes.report.sections.section import Context, Section
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Parts, Step
from bri_bayes.study.card_text import PRIOR_WORDS, SCALE_WORDS
from bri_bayes.study.model_card import ModelCard

NAME = "prior"
# Draws from the prior, and draws of the fit whose reweighting stands beside the exact sensitivities.
DRAWS, QUICK_DRAWS = 4000, 1000
QUANTITIES = {
    "level": "Level, every prior",
    "level_on_path": "Level, country and year effects as observed",
    "change_on_path": "Change to the next year, likewise",
    "att": "Average effect",
    "additional_trade": "Additional trade a year",
}


def steps(context: Context) -> list[Step]:
    """One piece of work an outcome and card: the main one in full, others for their power-scaling."""
    draws = QUICK_DRAWS if context.quick else DRAWS
    found = []
    for position, (name, card) in enumerate(_cards(context).items()):
        for outcome in context.study.outcomes:
            analysis = context.analysis(outcome, card)
            full = position == 0
            units = {key: context.panel[outcome].attrs.get(key) for key in ("transform", "level_to_usd")}
            key = content_key(NAME, analysis.digest, units, context.seed, draws, full)
            work = partial(_work, analysis, context.seed, draws, full=full)
            found.append(Step(NAME, (outcome, name), key, work))
    return found


def collect(context: Context, results: Mapping[Parts, Any]) -> SectionResult:
    """``outcomes`` : the sensitivities of the main card; ``details`` : all else that the page shows."""
    outcomes, details, failed = {}, {}, []
    names = list(_cards(context))
    for name, outcome in context.study.outcomes.items():
        found = {card: results[name, card] for card in names if (name, card) in results}
        if not found:
            continue
        main = found[names[0]]
        outcomes[name] = main["sensitivity"]
        details[name] = {
            "label": outcome.label or name,
            "transform": outcome.transform,
            "units": outcome.units,
            "card": names[0],
            "treated": list(context.study.assignment.treated_units),
            **{key: value for key, value in main.items() if key not in ("sensitivity", "khats")},
            "by_card": {card: one["sensitivity"] for card, one in found.items()},
        }
        failed += [
            f"prior/{name}/{card}: the importance sample of {label} is not reliable (k-hat {khat:.2f})"
            for card, one in found.items()
            for label, khat in one["khats"].items()
            if khat is not None and khat >= KHAT_LIMIT
        ]
    note = None if names else "the study has no normal linear card"
    return SectionResult(outcomes, failed_gates=failed, further={"details": details, "note": note})


def parts(values: Values) -> list[page.Part]:
    """What the page shows."""
    section = values[NAME]
    if section.get("note"):
        return [page.Paragraph(f"Not computed: {section['note']}.")]
    found: list[page.Part] = [
        page.Heading("What the prior expects"),
        page.Picture("prior_predictive"),
        page.Shown(page.page_table(predictive(values), "What the prior expects", _PREDICTIVE_COLUMNS)),
        page.Heading("Which prior the answer hangs on"),
        page.Picture("prior_sensitivity"),
        page.Shown(page.page_table(refits(values), "Refits", _REFIT_COLUMNS), folded="Every prior halved and doubled"),
        page.Shown(
            page.page_table(sensitivity(values), "Power-scaling", _SENSITIVITY_COLUMNS, _SENSITIVITY_NOTES),
            folded="Power-scaling of every card, exact and by reweighting draws",
        ),
        page.Heading("Which scales were learned"),
        page.Picture("prior_scales"),
    ]
    for details in section["details"].values():
        found.append(page.Paragraph(_learned(values, details)))
    return found


def sensitivity(values: Values) -> pd.DataFrame:
    """Power-scaling sensitivity of the ATT by outcome, card and prior."""
    rows = [
        {"outcome": name, "label": details["label"], "model": card, **row}
        for name, details in values[NAME]["details"].items()
        for card, found in details["by_card"].items()
        for row in found
    ]
    columns = ("outcome", "label", "model", "prior", "prior_sensitivity", "by_importance", "likelihood_sensitivity")
    return _frame(values, rows, (*columns, "likelihood_by_importance", "verdict"))


def refits(values: Values) -> pd.DataFrame:
    """The ATT with each prior scale halved and doubled."""
    rows = []
    for name, details in values[NAME]["details"].items():
        key = {"outcome": name, "label": details["label"]}
        rows.append({**key, "prior": "as in the card", "factor": 1.0, **details["att"], "moved_sd": 0.0})
        for row in details["refits"]:
            named = {"prior": row["prior"], "factor": row["factor"], "moved_sd": row["moved_sd"]}
            rows.append({**key, **named, **row["att"], "width_ratio": row["width_ratio"]})
    columns = ("outcome", "label", "prior", "factor", "mean", "sd", "lower", "upper", "p_positive")
    return _frame(values, rows, (*columns, "moved_sd", "width_ratio"))


def predictive(values: Values) -> pd.DataFrame:
    """Quantiles of what the prior expects, and the observed range."""
    rows = []
    for name, details in values[NAME]["details"].items():
        found = details["predictive"]
        for quantity, row in found["rows"].items():
            unit = _unit(quantity, found, details)
            rows.append(
                {"outcome": name, "label": details["label"], "quantity": QUANTITIES[quantity], "in": unit, **row}
            )
    columns = ("outcome", "label", "quantity", "in", "q025", "q25", "q50", "q75", "q975")
    return _frame(values, rows, (*columns, "observed_low", "observed_high"))


def scales(values: Values) -> pd.DataFrame:
    """Every scale and correlation: prior and posterior, and whether it was learned."""
    rows = []
    for name, details in values[NAME]["details"].items():
        for row in details["scales"]:
            kept = {key: row[key] for key in ("name", "prior_median", "contraction", "overlap", "follows", "verdict")}
            rows.append({"outcome": name, "label": details["label"], **kept, **row["posterior"]})
    columns = ("outcome", "label", "name", "prior_median", "median", "lower", "upper")
    return _frame(values, rows, (*columns, "contraction", "overlap", "follows", "verdict"))


def _work(analysis: Analysis, seed: int, draws: int, *, full: bool) -> dict[str, Any]:
    import dataclasses

    from bri_bayes.checks.power_scaling import ALL, by_importance, power_scaling
    from bri_bayes.checks.prior_predictive import prior_predictive
    from bri_bayes.checks.prior_scales import refits_by_scale
    from bri_bayes.checks.prior_scales import scales as scales_of
    from bri_bayes.inference.att import LIKELIHOOD, att_posterior
    from bri_bayes.inference.fitting import fit

    posterior = att_posterior(analysis.design, analysis.card, seed)
    sampler = dataclasses.replace(analysis.card.sampler, draws=-(-draws // analysis.card.sampler.chains))
    drawn = analysis.replace(card=dataclasses.replace(analysis.card, sampler=sampler))
    reweighted = by_importance(fit(drawn, engine="marginal", seed=seed, pointwise=False))
    found: dict[str, Any] = {
        "att": posterior.record,
        "sensitivity": [
            row | {"by_importance": reweighted[row["prior"]], "likelihood_by_importance": reweighted[LIKELIHOOD]}
            for row in power_scaling(posterior)
        ],
        "khats": {"the card": posterior.points.khat},
    }
    assert ALL in reweighted, "all priors together are among the rows"
    if full:
        changed = refits_by_scale(posterior, seed)
        found["scales"] = scales_of(posterior, changed)
        found["khats"] |= {f"{row['prior']} x {row['factor']:g}": row["khat"] for row in changed}
        found["refits"] = [{key: row[key] for key in row if key != "medians"} for row in changed]
        found["predictive"] = prior_predictive(analysis, draws, seed)
        if found["predictive"].get("additional_trade_by_period"):
            from bri_bayes.estimands.effects import additional_trade
            from bri_bayes.estimands.summaries import records

            trade = additional_trade(fit(analysis, engine="marginal", seed=seed, pointwise=False))
            found["additional_trade_usd"] = records(trade)
    return dict(json_safe(found))


def _cards(context: Context) -> dict[str, ModelCard]:
    """The main card in closed form, and, unless the run is quick, the other ones."""
    from bri_bayes.inference.marginal import is_feasible

    first = next(iter(context.study.outcomes))
    chosen = {
        name: card
        for name, card in context.cards.items()
        if card.is_marginal and is_feasible(context.analysis(first, card).design, card)
    }
    return dict(list(chosen.items())[:1]) if context.quick else chosen


def _learned(values: Values, details: Mapping[str, Any]) -> str:
    """Which scales the treated units cannot learn, in one sentence."""
    group = {row["name"]: row for row in details["scales"] if row["name"] in SCALE_WORDS}
    lost = [f"{SCALE_WORDS[name]} ({name})" for name, row in group.items() if row["verdict"] == "not learned"]
    units = sentences.counted(len(details["treated"]), sentences.unit_noun(values))
    label = details["label"]
    if not lost:
        return f"{label}: {units} and their controls learn every scale of the model, by the rule of the figure."
    follows = max((group[name]["follows"] or 0.0) for name in group)
    return (
        f"{label}: {units} cannot learn {_listed(lost)}: on its prior's normal score the posterior keeps more than "
        f"half of the prior's variance, or follows its scale. When such a prior is made twice as wide, the posterior "
        f"median goes along by a factor of up to {2**follows:.1f}."
    )


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _unit(quantity: str, found: Mapping[str, Any], details: Mapping[str, Any]) -> str:
    if quantity in ("att", "change_on_path") and found["in_logs"]:
        return "%"
    return "US dollars" if found["dollars"] else str(details["units"] or "units of the outcome")


def _frame(values: Values, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns)).assign(panel=values["panel"]["kind"])


def _amount(value: Any) -> page.Cell:
    """A number of any size."""
    return page.Cell("–") if pd.isna(value) else page.Cell(sentences.compact(float(value)), float(value))


def _prior_name(value: Any) -> page.Cell:
    return page.Cell(PRIOR_WORDS.get(str(value), str(value)))


_SENSITIVITY_NOTES = (
    "Sensitivity: how fast the posterior moves when the prior (the likelihood) is raised to a power, cumulative "
    "Jensen-Shannon distance by powers of two (Kallioinen et al. 2023); above 0.05 it counts. A flat prior is the same "
    "under every power: zero.",
)
_SENSITIVITY_COLUMNS: dict[str, tuple[str, page.Show]] = {
    "label": ("Outcome", page.row_name),
    "model": ("Model", page.plain),
    "prior": ("Prior", _prior_name),
    "prior_sensitivity": ("Exact", page.digits_of(3)),
    "by_importance": ("Reweighted", page.digits_of(3)),
    "likelihood_sensitivity": ("Likelihood", page.digits_of(3)),
    "verdict": ("Verdict", page.plain),
}
_REFIT_COLUMNS: dict[str, tuple[str, page.Show]] = {
    "label": ("Outcome", page.row_name),
    "prior": ("Prior", _prior_name),
    "factor": ("Scale times", page.digits_of(1)),
    "mean": ("Mean", page.digits_of(3)),
    "lower": ("2.5%", page.digits_of(3)),
    "upper": ("97.5%", page.digits_of(3)),
    "p_positive": ("P(> 0)", page.chance),
    "moved_sd": ("Moved, posterior sds", page.digits_of(2)),
}
_PREDICTIVE_COLUMNS: dict[str, tuple[str, page.Show]] = {
    "label": ("Outcome", page.row_name),
    "quantity": ("Quantity", page.plain),
    "in": ("In", page.plain),
    "q025": ("2.5%", _amount),
    "q25": ("25%", _amount),
    "q50": ("50%", _amount),
    "q75": ("75%", _amount),
    "q975": ("97.5%", _amount),
    "observed_low": ("Observed from", _amount),
    "observed_high": ("to", _amount),
}

SECTION = Section(
    name=NAME,
    title="Priors",
    steps=steps,
    collect=collect,
    parts=parts,
    tables={
        "prior_predictive": ("What the prior expects, and the observed range", predictive),
        "prior_sensitivity": ("Power-scaling sensitivity of the average effect", sensitivity),
        "prior_refits": ("The average effect with each prior scale halved and doubled", refits),
        "prior_scales": ("Prior and posterior of each scale, and whether it was learned", scales),
    },
)
