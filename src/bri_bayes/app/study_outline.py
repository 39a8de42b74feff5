"""What does a study say before anything is fitted? Its name and labels, its outcomes, its cards."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bri_bayes.presentation.results import OutcomeResult
from bri_bayes.report.values_schema import SCHEMA_VERSION
from bri_bayes.study.model_card import ModelCard, Sampler, load_card, model_names
from bri_bayes.study.study_file import Study

# Fewer draws for a first look.
QUICK = Sampler(chains=4, draws=400, tune=500, proposals=1000)


def named(study: Study, cards: Mapping[str, ModelCard]) -> dict[str, Any]:
    """What values.json says of a study first: what it, its variables and its units are called."""
    return {
        "schema_version": SCHEMA_VERSION,
        "study": {"name": study.name, "title": study.title, "policy": study.policy, "labels": _labels(study, cards)},
        "unit_names": {unit: study.name_of(unit) for unit in study.assignment.units},
    }


def unanswered(study: Study, name: str) -> OutcomeResult:
    """An outcome as values.json has it, without any answer."""
    outcome = study.outcomes[name]
    return OutcomeResult(
        label=outcome.label or name,
        units=outcome.units,
        transform=outcome.transform,
        published=dataclasses.asdict(outcome.published) if outcome.published else None,
        treated=list(study.assignment.treated_units),
        onset=min(study.assignment.onsets),
        onsets={unit: first for unit, first in study.assignment.first_treated.items() if first is not None},
        main=None,
        models={},
        frequentist=(),
        event_study=(),
        warnings=(),
        truth=None,
        power=None,
    )


def study_card(name: str, study_path: Path | None, *, quick: bool) -> ModelCard:
    """A card of a study: the one beside it (models/NAME.toml) goes before the shipped one."""
    card_file = None
    if study_path is not None:
        root = study_path if study_path.is_dir() else study_path.parent
        card_file = root / "models" / f"{name}.toml"
    card = load_card(card_file if card_file is not None and card_file.is_file() else name)
    return dataclasses.replace(card, sampler=QUICK) if quick else card


def _labels(study: Study, cards: Mapping[str, ModelCard]) -> dict[str, str]:
    """What a reader calls the variables of the study, of those that have a label, and cards that only share a name."""
    groups = (study.covariates, study.modifiers, study.mediators, study.outcomes)
    variables = {name: column.label for group in groups for name, column in group.items() if column.label}
    return {name: name for name, card in cards.items() if _only_named_as_a_shipped_one(study, name, card)} | variables


def _only_named_as_a_shipped_one(study: Study, name: str, card: ModelCard) -> bool:
    """Whether a card of the study has the name of a shipped card and other content."""
    if name not in model_names():
        return False
    shipped = study.adjusted(dataclasses.replace(load_card(name), sampler=card.sampler))
    return shipped.digest != card.digest
