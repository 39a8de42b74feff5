"""Where the data, the cards and the templates that ship with the project lie."""

from __future__ import annotations

from pathlib import Path

from bri_bayes.core.errors import InputError

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped(name: str) -> Path:
    """The folder ``data``, ``models`` or ``reports/templates``, in a checkout or in an installed wheel."""
    for root in (_PACKAGE / "_shipped", _PACKAGE.parents[1]):
        if (root / name).is_dir():
            return root / name
    raise InputError(f'the folder "{name}" that ships with bri_bayes was not found beside {_PACKAGE}')
