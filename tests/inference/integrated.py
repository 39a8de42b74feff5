"""What does the PyMC model of a normal card say once its coefficients are integrated? Exactly, without sampling.

Given its hyperparameters the log density of such a model is quadratic in every other variable z, so its gradient is a
straight line: minus its slope is the precision of z, and where it is zero lies the mean. The integral over z is that of
a Gaussian. Nothing is compiled, and neither the closed form's columns nor its algebra enter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logit

# To the value of PyMC's own variable, by the name of its transform.
_FORWARD = {"log": np.log, "logodds": logit}
# Two gradients of a quadratic of some thousand.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class GivenHyperparameters:
    """log p(y, h) up to the Jacobian of PyMC's transforms, and means and sds of the named variables given y and h."""

    log_density: float
    mean: dict[str, np.ndarray]
    sd: dict[str, np.ndarray]


class Integrated:
    """A PyMC model of which the free variables in ``outside`` are given and all others are integrated."""

    def __init__(self, model: Any, outside: set[str]) -> None:
        import pytensor
        import pytensor.tensor as pt
        from pytensor.compile.mode import Mode
        from pytensor.graph.replace import clone_replace

        self._outside = {
            rv.name: getattr(model.rvs_to_transforms[rv], "name", None) for rv in model.free_RVs if rv.name in outside
        }
        start = model.initial_point()
        inside = [model.rvs_to_values[rv] for rv in model.free_RVs if rv.name not in outside]
        shapes = [start[value.name].shape for value in inside]
        ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
        self.size = int(ends[-1])
        z = pt.dvector("z")
        parts = {
            value: z[ends[at] : ends[at + 1]].reshape(shapes[at]).astype(value.dtype) for at, value in enumerate(inside)
        }
        self.names = [rv.name for rv in (*model.deterministics, *model.free_RVs) if rv.name not in outside]
        named = model.replace_rvs_by_values([model[name] for name in self.names])
        density, *named = clone_replace([model.logp(jacobian=False), *named], parts)
        given = [model.rvs_to_values[model[name]] for name in self._outside]
        mode = Mode(linker="py", optimizer="fast_compile")
        outputs = [density, pt.grad(density, z), *named]
        self._at = pytensor.function([z, *given], outputs, mode=mode, on_unused_input="ignore")

    def given(self, values: dict[str, np.ndarray], rng: np.random.Generator) -> GivenHyperparameters:
        """At values of the variables outside on their natural scale."""
        fixed = [_FORWARD.get(form, np.asarray)(values[name]) for name, form in self._outside.items()]
        density, slope, *named = self._at(np.zeros(self.size), *fixed)
        each = [self._at(row, *fixed) for row in np.eye(self.size)]
        precision = -np.array([row[1] - slope for row in each])
        somewhere = rng.standard_normal(self.size)
        assert np.allclose(self._at(somewhere, *fixed)[1], slope - precision @ somewhere, rtol=_ROUNDING), (
            "no quadratic"
        )
        center = np.linalg.solve(precision, slope)
        log_det = np.linalg.slogdet(precision)[1]
        root = np.linalg.inv(np.linalg.cholesky(precision))
        mean, sd = {}, {}
        for at, (name, zero) in enumerate(zip(self.names, named, strict=True)):
            columns = np.array([row[2 + at] - zero for row in each])
            mean[name] = zero + np.tensordot(center, columns, 1)
            sd[name] = np.sqrt((np.tensordot(root, columns, 1) ** 2).sum(axis=0))
        constant = 0.5 * self.size * np.log(2 * np.pi)
        return GivenHyperparameters(float(density + 0.5 * slope @ center + constant - 0.5 * log_det), mean, sd)
