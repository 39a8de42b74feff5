"""Which results stand beside each other? Predictive scores by ArviZ, and a regression table."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bri_bayes.app.notebook.answer import Answer
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import OBS, UNIT

if TYPE_CHECKING:
    import pandas as pd


def compare(results: Sequence[Answer]) -> pd.DataFrame:
    """``arviz.compare`` of results on the same rows. ArviZ marks what PSIS cannot judge."""
    import arviz_stats
    import pandas as pd

    if len(results) < 2:
        raise InputError("compare needs another card or result")
    names = _distinct([result.card.name for result in results])
    for name, other in zip(names, results, strict=True):
        if not np.array_equal(other.design["y"].to_numpy(), results[0].design["y"].to_numpy()):
            raise InputError(f'"{name}" has other rows: scores compare models of the same outcomes')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its warning of k-hat stands in the column "warning"
        table = arviz_stats.compare({name: result.fit.posterior for name, result in zip(names, results, strict=True)})
    return pd.DataFrame(table)


def etable(results: Sequence[Answer], *, stars: bool = False) -> pd.DataFrame:
    """A column a result, text in each cell. ``stars`` : one where the 95% interval leaves zero out."""
    import pandas as pd

    columns: dict[str, dict[str, str]] = {}
    for name, result in zip(_distinct([result.card.name for result in results]), results, strict=True):
        effect, assignment = result.effect, result.analysis.assignment
        columns[name] = {
            "outcome": str(result.card.outcome),
            "effect": f"{effect.mean:.3f}{'*' if stars and effect.excludes_zero else ''}",
            "": f"({effect.sd:.3f})",
            "95% interval": f"[{effect.lower:.3f}, {effect.upper:.3f}]",
            "P(effect > 0)": f"{effect.p_positive:.3f}",
            "covariates": ", ".join(result.card.covariates) or "none",
            "errors": result.card.errors.structure,
            "shared shocks": result.card.shocks.process,
            "treated units": str(len(assignment.treated_units)),
            "units": str(result.design.sizes[UNIT]),
            "rows": str(result.design.sizes[OBS]),
        }
    return pd.DataFrame(columns)


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, a number behind those that come again."""
    return [name if names.index(name) == at else f"{name} ({at + 1})" for at, name in enumerate(names)]
