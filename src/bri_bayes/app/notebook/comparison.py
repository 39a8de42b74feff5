"""Which results stand beside each other? Predictive scores by ArviZ."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bri_bayes.app.notebook.answer import Answer
from bri_bayes.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def compare(results: Sequence[Answer]) -> pd.DataFrame:
    """``arviz.compare`` of results on the same rows. ArviZ marks what PSIS cannot judge."""
    import arviz_stats
    import pandas as pd

    if len(results) < 2:
        raise InputError("compare needs another card or result")
    names = distinct([result.card.name for result in results])
    for name, other in zip(names, results, strict=True):
        if not np.array_equal(other.design["y"].to_numpy(), results[0].design["y"].to_numpy()):
            raise InputError(f'"{name}" has other rows: scores compare models of the same outcomes')
        if "log_likelihood" not in other.fit.posterior.children:
            raise InputError(f'"{name}" has no log likelihood of its rows, so nothing scores what it predicts')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its warning of k-hat stands in the column "warning"
        table = arviz_stats.compare({name: result.fit.posterior for name, result in zip(names, results, strict=True)})
    return pd.DataFrame(table)


def distinct(names: Sequence[str]) -> list[str]:
    """The names, a number behind those that come again."""
    return [name if names.index(name) == at else f"{name} ({at + 1})" for at, name in enumerate(names)]
