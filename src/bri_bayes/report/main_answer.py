"""Which work does the main answer of a study take? A step a fit, and the steps of the paper that it re-examines."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bri_bayes.checks.claimed_effect import of_fit
from bri_bayes.checks.first_screen import FirstScreen, first_screen
from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import json_safe
from bri_bayes.core.resources import shipped
from bri_bayes.data.panel import Panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.summaries import fit_values
from bri_bayes.evaluation.power import Power
from bri_bayes.frequentist.level_rows import is_of_a_level
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Step
from bri_bayes.study.model_card import ModelCard
from bri_bayes.study.study_file import Study

# The owners of these steps.
ANSWER, PAPER = "answer", "paper"
# Simulated panels of a cell of the design analysis.
PANELS, QUICK_PANELS = 500, 200
# Simulated panels behind the power on the first screen, and the points of hyperparameters that they share.
FIRST = {"panels": 300, "points": 6000}


def main_steps(
    study: Study, data: Panel, cards: Mapping[str, ModelCard], seed: int, *, quick: bool = False
) -> list[Step]:
    """A step for each outcome and card, one for its frequentist answers, and one for what stands beside the first."""
    steps = []
    for outcome in study.outcomes:
        for name, card in cards.items():
            if card.outcome not in (None, outcome):
                continue
            analysis = Analysis(data, study.assignment, dataclasses.replace(card, outcome=outcome))
            _refuse_two_units(analysis)
            labels = [card.name, card.title, data[outcome].attrs, data.attrs.get("kind")]
            claimed = _claimed(study, outcome)
            key = content_key("fit-values", analysis.digest, seed, labels, claimed)
            steps.append(Step(ANSWER, ("fit", outcome, name), key, partial(_fit_step, analysis, seed, claimed)))
        first = next(iter(cards.values()))
        if first.outcome in (None, outcome) and first.is_marginal:
            analysis = Analysis(data, study.assignment, dataclasses.replace(first, outcome=outcome))
            published = study.outcomes[outcome].published
            # Half of a quick run went into the power of a few panels, which says nothing: a whole run has it.
            claim = None if published is None or quick else published.estimate
            key = content_key("first-screen", analysis.digest, first.name, claim, *FIRST.values(), seed)
            call = partial(first_screen, analysis, claim, **FIRST, seed=seed)
            steps.append(Step(ANSWER, ("first", outcome), key, call, FirstScreen))
        plain = rows_of(study, data, outcome)
        key = content_key("frequentist", plain.digest)
        steps.append(Step(ANSWER, ("frequentist", outcome), key, partial(_frequentist_step, plain)))
    return steps


def _claimed(study: Study, outcome: str) -> list[float]:
    """The sizes of the effect on an outcome that the claims of the study state."""
    published = study.outcomes[outcome].published
    known = None if published is None else published.estimate
    stated = [
        claim.size(known) for claim in study.claims if claim.rule == "effect" and claim.outcome in (None, outcome)
    ]
    return list(dict.fromkeys(size for size in stated if size is not None))


def rows_of(study: Study, data: Panel, outcome: str) -> Analysis:
    """The recipe of what least squares has: the rows of an outcome, with the covariates that the study adjusts for."""
    return Analysis(data, study.assignment, study.adjusted(ModelCard(name="rows", title="rows", outcome=outcome)))


def _refuse_two_units(analysis: Analysis) -> None:
    """A page has one unit for the effects on an outcome: a card of levels stands among others on a logarithm alone."""
    name, outcome = analysis.card.name, analysis.card.outcome
    if is_of_a_level(analysis):
        raise InputError(
            f'the card "{name}" has effects in log points, and the page of "{outcome}" (transform = "none") has them '
            f'in its units: give the outcome transform = "log", or ask bri-bayes estimate --model {name}, which takes '
            "zeros"
        )


def paper_steps(
    study: Study, data: Panel, cards: Mapping[str, ModelCard], seed: int, *, quick: bool, brief: bool = False
) -> list[Step]:
    """The audit and the published estimates as data, and for each outcome with a published effect its power.

    ``brief`` : without the power.
    """
    panels = QUICK_PANELS if quick else PANELS
    tables = study.audit if isinstance(study.audit, Path) else None
    files = sorted((shipped("data") / "published").rglob("*")) if tables is None else [tables]
    printed = [path.read_bytes() for path in files if path == tables or path.is_file()]
    steps = [Step(PAPER, ("evidence",), content_key("evidence", *printed), partial(_evidence_step, tables))]
    main = next(iter(cards.values()))
    for name, outcome in study.outcomes.items():
        if outcome.published is not None and not brief:
            analysis = Analysis(data, study.assignment, dataclasses.replace(main, outcome=name))
            claim = (outcome.published.estimate, outcome.published.se)
            key = content_key("power", analysis.digest, claim, seed, panels)
            call = partial(_power_step, analysis, claim, panels, seed)
            steps.append(Step(PAPER, ("power", name), key, call, Power))
    return steps


def _evidence_step(tables: Path | None) -> dict[str, Any]:
    from bri_bayes.paper.audit import audit_values, findings_and_questions
    from bri_bayes.paper.reading import reading_values

    findings, _, _ = findings_and_questions(tables)
    return dict(json_safe({"audit": audit_values(findings), "reading": reading_values() if tables is None else []}))


def _power_step(analysis: Analysis, claim: tuple[float, float], panels: int, seed: int) -> Power:
    from bri_bayes.evaluation.power import power_values
    from bri_bayes.inference.fitting import fit

    result = fit(analysis, seed=seed, pointwise=False)
    return power_values(result, effect=claim[0], published_se=claim[1], panels=panels, seed=seed)


def _fit_step(analysis: Analysis, seed: int, claimed: Sequence[float]) -> dict[str, Any]:
    from bri_bayes.inference.fitting import fit, is_trustworthy

    result = fit(analysis, seed=seed, pointwise=False)
    values = fit_values(result)
    # Times belong to the manifest alone: the same study, the same bytes.
    values["diagnostics"].pop("seconds", None)
    claims = [of_fit(result, size) for size in claimed]
    return dict(json_safe({**values, "trustworthy": is_trustworthy(result), "claims": claims}))


def _frequentist_step(analysis: Analysis) -> dict[str, Any]:
    from bri_bayes.frequentist import frequentist_rows
    from bri_bayes.frequentist.twfe import event_study

    rows = [row.as_dict() for row in frequentist_rows(analysis.design)]
    try:
        study = event_study(analysis.design)
    except InputError as error:
        return dict(json_safe({"rows": rows, "event_study": [], "notes": [f"No frequentist event study: {error}."]}))
    path = study.path.rename(columns={"lower_cluster": "lower", "upper_cluster": "upper"}).reset_index()
    notes = [] if study.note is None else [f"Event study by least squares: {study.note}."]
    return dict(json_safe({"rows": rows, "event_study": path.to_dict("records"), "notes": notes}))
