"""Do the paper's regressions, run on a panel, give back what it printed?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.panel import Panel
from bri_bayes.frequentist.ols import LeastSquares, ols
from bri_bayes.frequentist.variance import crv1, iid
from bri_bayes.paper.reconstruction import BRI, COLUMNS
from bri_bayes.paper.tables import Published, Regression

# A reproduced number is given with this many digits more than the printed one: those behind them are rounding of the
# machine.
MORE_DIGITS = 4


@dataclass(frozen=True, eq=False)
class Replication:
    """A column of the paper as run on a panel. ``version`` : of the panel; ``units`` : (obs,) the unit of each row."""

    regression: Regression
    version: str
    fit: LeastSquares
    units: Array

    @property
    def coefficients(self) -> Array:
        """(regressor,) in the order of ``regression.regressors``."""
        return self.fit.coefficients.to_numpy()

    @property
    def r_squared(self) -> dict[str, float]:
        """Overall: what the effects explain counts. Within: of what they leave."""
        residual_square = float(self.fit.residuals @ self.fit.residuals)
        around_mean = self.fit.y - self.fit.y.mean()
        return {
            "overall": 1 - residual_square / float(around_mean @ around_mean),
            "within": 1 - residual_square / float(self.fit.outcome @ self.fit.outcome),
        }


def run_regressions(published: Published, panels: Mapping[str, Panel]) -> tuple[Replication, ...]:
    """Every column of Tables 3 to 8 by least squares, each on the panel whose ``attrs["regressions"]`` names it."""
    versions = {tuple(key): name for name, panel in panels.items() for key in panel.attrs.get("regressions", [])}
    replications = []
    for regression in published.regressions():
        if regression.key not in versions:
            raise InputError(f"no panel says that {regression.label} holds on it; given: {', '.join(panels) or 'none'}")
        version = versions[regression.key]
        replications.append(run_regression(regression, version, panels[version]))
    return tuple(replications)


def replicate(published: Published, panels: Mapping[str, Panel]) -> list[dict[str, Any]]:
    """One entry a published coefficient of Tables 3 to 8, in the order of the paper."""
    return coefficients(published, run_regressions(published, panels))


def coefficients(published: Published, replications: Sequence[Replication]) -> list[dict[str, Any]]:
    """Published and reproduced coefficients, and whether they agree at the printed digits."""
    return [
        {
            "table": cell.table,
            "column": cell.column,
            "variable": cell.variable,
            "published": cell.estimate.value,
            "decimals": cell.estimate.decimals,
            "reproduced": round(float(value), cell.estimate.decimals + MORE_DIGITS),
            "agrees": cell.estimate.agrees(float(value)),
        }
        for replication in replications
        for cell, value in zip(published.cells_of(*replication.regression.key), replication.coefficients, strict=True)
    ]


def standard_errors(published: Published, replications: Sequence[Replication]) -> list[dict[str, Any]]:
    """Published standard errors beside ordinary ones and those clustered by unit (CRV1), for display: few can agree."""
    rows = []
    for replication in replications:
        ordinary, clustered = iid(replication.fit).se.to_numpy(), crv1(replication.fit, replication.units).se.to_numpy()
        for cell, plain, robust in zip(
            published.cells_of(*replication.regression.key), ordinary, clustered, strict=True
        ):
            digits = cell.se.decimals + MORE_DIGITS
            rows.append(
                {
                    "table": cell.table,
                    "column": cell.column,
                    "variable": cell.variable,
                    "published": cell.se.value,
                    "decimals": cell.se.decimals,
                    "ordinary": round(float(plain), digits),
                    "clustered": round(float(robust), digits),
                    "agrees": [
                        kind for kind, se in (("ordinary", plain), ("clustered", robust)) if cell.se.agrees(float(se))
                    ],
                }
            )
    return rows


def fit_statistics(published: Published, replications: Sequence[Replication]) -> list[dict[str, Any]]:
    """Published rows and R-squared (None: not printed) beside the reproduced ones, overall and within."""
    rows = []
    for replication in replications:
        printed = published.r_squared(*replication.regression.key)
        shares = replication.r_squared
        digits = MORE_DIGITS + (printed.decimals if printed else 0)
        rows.append(
            {
                "table": replication.regression.table,
                "column": replication.regression.column,
                "version": replication.version,
                "observations": published.observations(*replication.regression.key),
                "rows": int(replication.fit.y.size),
                "published": None if printed is None else printed.value,
                "decimals": None if printed is None else printed.decimals,
                **{kind: round(share, digits) for kind, share in shares.items()},
                "agrees": [kind for kind, share in shares.items() if printed is not None and printed.agrees(share)],
            }
        )
    return rows


def run_regression(regression: Regression, version: str, panel: Panel) -> Replication:
    """One column of the paper by least squares on one panel."""
    units, periods = np.meshgrid(panel[UNIT].to_numpy(), panel[PERIOD].to_numpy(), indexing="ij")
    absorbed = [
        labels.ravel()
        for labels, used in ((units, regression.unit_effects), (periods, regression.period_effects))
        if used
    ]
    X = {name: variable(panel, name, regression.onset).ravel() for name in regression.regressors}
    fit = ols(variable(panel, regression.outcome, None).ravel(), X, absorb=absorbed)
    return Replication(regression, version, fit, units.ravel())


def variable(panel: Panel, name: str, onset: int | None = None) -> Array:
    """A variable of a regression : (unit, period). BRI starts at ``onset`` in every unit that is ever treated."""
    if name.startswith("BRI"):
        ever = panel[BRI].to_numpy().max(axis=1)
        bri = np.outer(ever, panel[PERIOD].to_numpy() >= onset)
        return bri * variable(panel, name.removeprefix("BRI_x_"), None) if name.startswith("BRI_x_") else bri
    column = COLUMNS[name]
    values = panel[column.column].to_numpy() * column.scale
    return np.asarray(np.log(values) if column.transform == "log" else values)
