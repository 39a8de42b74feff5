"""Which results stand beside each other? Predictive scores by ArviZ, and a regression table."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import OBS, UNIT

if TYPE_CHECKING:
    import pandas as pd

    from bri_bayes.app.notebook.result import DidResult
    from bri_bayes.study.model_card import ModelCard


def compare(result: DidResult, others: Sequence[DidResult | str | ModelCard]) -> pd.DataFrame:
    """``arviz.compare`` of results on the same rows; cards are fitted first. ArviZ marks what PSIS cannot judge."""
    import arviz_stats
    import pandas as pd

    results = [result, *(_result(result, other) for other in others)]
    if len(results) < 2:
        raise InputError("compare needs another card or result")
    names = _distinct([one.card.name for one in results])
    for name, other in zip(names[1:], results[1:], strict=True):
        if not np.array_equal(other.design["y"].to_numpy(), result.design["y"].to_numpy()):
            raise InputError(f'"{name}" has other rows: scores compare models of the same outcomes')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its warning of k-hat stands in the column "warning"
        table = arviz_stats.compare({name: one.fit.posterior for name, one in zip(names, results, strict=True)})
    return pd.DataFrame(table)


def etable(results: Sequence[DidResult], *, stars: bool = False) -> pd.DataFrame:
    """A column a result, text in each cell. ``stars`` : one where the 95% interval leaves zero out."""
    import pandas as pd

    columns: dict[str, dict[str, str]] = {}
    for name, result in zip(_distinct([one.card.name for one in results]), results, strict=True):
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


def _result(result: DidResult, other: DidResult | str | ModelCard) -> DidResult:
    """A result as it is, a card fitted to the question of ``result``."""
    from bri_bayes.study.model_card import ModelCard

    return result.with_card(other) if isinstance(other, str | ModelCard) else other


def _distinct(names: Sequence[str]) -> list[str]:
    """The names, a number behind those that come again."""
    return [name if names.index(name) == at else f"{name} ({at + 1})" for at, name in enumerate(names)]
