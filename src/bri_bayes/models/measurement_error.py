"""A variable that is measured with a known standard error, as a latent variable of the PyMC model.

For row j of unit i with the reported value x_j and its standard error se_j:

    x_j = true_j + se_j (sqrt(w) c_i + sqrt(1 - w) v_j),     c_i, v_j ~ N(0, 1),  w ~ U(0, 1)
    true of the first row of a unit ~ N(m, b^2),  true_j - true_j-1 ~ N(0, d s^2)

c_i is the part of the error that stays with a unit, v_j that of a single row, w the share of the first: reported
series are often far smoother than their standard errors, and then the data give w near one. m, b and s are the level,
spread and yearly movement of the true values, d the periods since the unit's previous row; their prior scales come from
the spread of x, so the model does not depend on its units. The structural prior is what makes attenuation visible
(Carroll, Ruppert, Stefanski & Crainiceanu 2006, Measurement Error in Nonlinear Models, ch. 9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import serial_errors

if TYPE_CHECKING:
    from pytensor.tensor.variable import TensorVariable

# Prior scales of level, spread and movement of the true values, as multiples of those of the reported ones.
WIDE = 2.0


def true_values(design: Design, name: str, reported: Array, standard_error: Array) -> TensorVariable[Any, Any]:
    """The true values : (obs,), in units of ``reported`` (obs,); inside a model, whose variables ``name`` opens."""
    import pymc as pm
    import pytensor.tensor as pt

    unit_ix = design["unit_ix"].to_numpy()
    period = design["period"].to_numpy()[design["period_ix"].to_numpy()].astype(float)
    serial = serial_errors("random_walk", unit_ix, period)
    first, later = np.flatnonzero(serial.is_first), np.flatnonzero(~serial.is_first)
    spread = float(reported.std())
    movement = float(np.sqrt(np.mean((reported[later] - reported[later - 1]) ** 2 / serial.gap[later])))
    share = pm.Uniform(f"{name}_persistent_share", 0, 1)
    unit_error = pm.Normal(f"{name}_unit_error", 0, 1, dims="unit")
    single = pm.Normal(f"{name}_row_error", 0, 1, shape=reported.size)
    true = reported - standard_error * (pt.sqrt(share) * unit_error[unit_ix] + pt.sqrt(1 - share) * single)
    level = pm.Normal(f"{name}_level", float(reported.mean()), WIDE * spread)
    between = pm.HalfNormal(f"{name}_between", WIDE * spread)
    within = pm.HalfNormal(f"{name}_within", WIDE * movement)
    pm.Potential(f"{name}_first", pm.logp(pm.Normal.dist(level, between), true[first]).sum())
    steps = (true[later] - true[later - 1]) / np.sqrt(serial.gap[later])
    pm.Potential(f"{name}_steps", pm.logp(pm.Normal.dist(0, within), steps).sum())
    return pm.Deterministic(f"{name}_true", true)
