"""Which card differs from a known one, and in what? Keywords in place of a TOML file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, cast, get_args

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import ErrorStructure
from bri_bayes.core.schema import validated
from bri_bayes.study.model_card import ModelCard, card_content, card_path, merged

# What a lone word stands for in each table of a card.
_FIRST_KEY = {"effects": "treatment", "errors": "structure", "shocks": "process", "likelihood": "family"}


def card(base: str, **changes: Any) -> ModelCard:
    """The card ``base`` with other keys: ``card("did", errors="ar1_noise", priors={"effect": 0.5})``.

    A table (``effects``, ``errors``, ``shocks``, ``likelihood``, ``priors``, ``sampler``, ``contamination``) is a
    mapping of the keys that change; for the first four a word stands for ``treatment``, ``structure``, ``process`` or
    ``family``. What the card does not know is refused as in a file.
    """
    path = card_path(base)
    tables = {name: _table(name, value) for name, value in changes.items()}
    content = merged(card_content(path), tables)
    return validated(ModelCard, content, where=f'card("{base}", ...)')


def with_errors(base: ModelCard, structure: str, *, asked: str) -> ModelCard:
    """``base`` with another error structure; ``asked`` : how the user asked for it, for the refusals."""
    if structure not in get_args(ErrorStructure):
        raise InputError(f'{asked} "{structure}" is unknown; {suggest(structure, get_args(ErrorStructure))}')
    family = base.likelihood.family
    if structure == "ar1_noise" and family != "normal":
        raise InputError(f'{asked} ar1_noise needs the family "normal"; the card "{base.name}" has "{family}"')
    errors = dataclasses.replace(base.errors, structure=cast("ErrorStructure", structure))
    return dataclasses.replace(base, errors=errors)


def _table(name: str, value: Any) -> Any:
    if name in _FIRST_KEY and isinstance(value, str):
        return {_FIRST_KEY[name]: value}
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value
