"""How does a result enter a table of maketables, beside regressions of pyfixest and statsmodels? Its plug-in names.

maketables asks an object for ``__maketables_coef_table__`` and its fellows, and imports nothing of ours, nor we of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bri_bayes.app.notebook.answer import Answer
from bri_bayes.core.names import OBS, UNIT
from bri_bayes.estimands.linear import coefficient_effects
from bri_bayes.study.card_text import error_words, shared_words

if TYPE_CHECKING:
    import pandas as pd

# The row of the average effect over treated cells.
ATT = "ATT"
_STATISTICS: Mapping[str, str] = {
    "N": "Rows",
    "units": "Units",
    "treated_units": "Treated units",
    "errors": "Errors",
    "shocks": "Shared shocks",
    "p_positive": "P(ATT > 0)",
}


class InMaketables:
    """What maketables reads of a result: a posterior has no p-value, so that no star is set."""

    @property
    def __maketables_coef_table__(self: Answer) -> pd.DataFrame:
        """The ATT and the coefficients of covariates: b, se (the posterior sd), t and p (none), 95% interval."""
        import pandas as pd

        effects = {ATT: self.effect}
        if "beta" in self.fit.posterior["posterior"]:
            effects |= coefficient_effects(self.fit, "beta")
        rows = {
            name: {"b": e.mean, "se": e.sd, "t": np.nan, "p": np.nan, "ci95l": e.lower, "ci95u": e.upper}
            for name, e in effects.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Coefficient")

    def __maketables_stat__(self: Answer, key: str) -> Any:
        """A line below the coefficients, None for one that a posterior does not have (r2)."""
        known = {
            "N": self.design.sizes[OBS],
            "units": self.design.sizes[UNIT],
            "treated_units": len(self.analysis.assignment.treated_units),
            "errors": error_words(self.card),
            "shocks": shared_words(self.card),
            "p_positive": self.effect.p_positive,
            "se_type": "posterior sd",
        }
        return known.get(key)

    @property
    def __maketables_depvar__(self: Answer) -> str:
        return str(self.card.outcome)

    @property
    def __maketables_fixef_string__(self) -> str:
        return "unit+period"

    @property
    def __maketables_vcov_info__(self) -> dict[str, Any]:
        return {"vcov_type": "posterior", "clustervar": None}

    @property
    def __maketables_stat_labels__(self) -> dict[str, str]:
        return dict(_STATISTICS)

    @property
    def __maketables_default_stat_keys__(self) -> list[str]:
        return list(_STATISTICS)
