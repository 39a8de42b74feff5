"""Which inequality index gives Table 8 its coefficients, on the data of Table 3?"""

from __future__ import annotations

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.data.simulation import simulate_errors
from bri_bayes.paper.rebuild.arrays import moved, products, within
from bri_bayes.paper.rebuild.covariates import BASELINE, COVARIATES
from bri_bayes.paper.rebuild.rows import Rows, estimates, generator
from bri_bayes.paper.tables import Published

PRODUCT, INDEX = "BRI_x_inequality", "inequality"
# Table 8: the column of each outcome.
MODERATION = {"lnexport": 1, "lnimport": 2}
# The index before it is moved, in points: sd of the level of a unit, and AR(1) innovations with this persistence.
LEVEL_SD, INNOVATION_SD, PERSISTENCE = 4.0, 0.4, 0.9


def inequality(published: Published, rows: Rows, covariates: Array) -> Array:
    """The index : (unit, period), around zero: the coefficient of BRI in Table 8 is the effect where it is zero.

    Table 3 (3) and (6) and Table 8 hold for the same outcomes. With X = (BRI, covariates) and Z = (BRI x I, I), within,

        X'X (b3 - b8) = X'Z c8   for both outcomes   =>   X'Z = X'X [b3 - b8, ...] [c8, ...]^-1,

    ten equations linear in I, since BRI is given. A persistent series is moved onto them: its mean level, a gain of
    treated units, and, of all that is left, the least change.
    """
    columns = within(np.concatenate([rows.bri[None], covariates]))
    names = ("BRI", *COVARIATES)
    table_3 = [estimates(published, 3, BASELINE[outcome][2]) for outcome in MODERATION]
    table_8 = [estimates(published, 8, column) for column in MODERATION.values()]
    difference = np.array([[b3[name] - b8[name] for b3, b8 in zip(table_3, table_8, strict=True)] for name in names])
    of_z = np.array([[b8[name] for b8 in table_8] for name in (PRODUCT, INDEX)])
    with_product, with_index = (products(columns, columns) @ difference @ np.linalg.inv(of_z)).T
    rng = generator(3)
    start = LEVEL_SD * rng.normal(size=(len(rows.units), 1))
    start = start + simulate_errors(rng, rows.bri.shape, rho=PERSISTENCE, innovation_sd=INNOVATION_SD)
    conditions = np.concatenate([columns, rows.bri * columns])
    gain = rows.ever_treated[:, None] * (np.array(rows.years) - float(rows.onset))
    basis = np.concatenate([np.ones_like(rows.bri)[None], gain[None], columns[1:], rows.bri * columns[1:]])
    targets = np.concatenate([with_index, with_product])[:, None]
    return np.asarray(moved(start[None], conditions, targets, basis)[0])


def moderated(rows: Rows, covariates: Array, index: Array) -> tuple[tuple[str, ...], Array]:
    """Names and columns of the regressors of Table 8 : (regressor, unit, period)."""
    names = ("BRI", PRODUCT, INDEX, *COVARIATES)
    return names, np.concatenate([np.stack([rows.bri, rows.bri * index, index]), covariates])
