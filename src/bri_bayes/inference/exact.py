"""What is the posterior of a linear estimand, without drawing it?

Given the hyperparameters h an average of effects is a linear function of Gaussian coefficients. So its posterior is a
mixture of normals over the weighted points of the importance sample,

    p(c | y) = sum_j w_j N(m_j, s_j^2),    w_j ~ p(y | h_j) p(h_j) / q(h_j)

and its mean, sd, quantiles and P(> 0) have no error of drawing. Source: Lindley & Smith (1972),
doi:10.1111/j.2517-6161.1972.tb00885.x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.effect import Effect
from bri_bayes.design.design import Design
from bri_bayes.design.linear_terms import Terms
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.linear_estimands import coefficient_functionals, effect_functionals
from bri_bayes.inference.mixture import NormalMixtures
from bri_bayes.study.model_card import ModelCard


def exact_posterior(design: Design, card: ModelCard, vectors: Array, weights: Array) -> ExactPosterior:
    """The posterior of a normal linear card on a design, from its weighted hyperparameters."""
    return ExactPosterior.of(Collapsed.build(design, card), design, vectors, weights)


class Linear(Protocol):
    """A linear model whose coefficients are integrated: ``collapsed``, or ``exchangeable`` by classes of units."""

    @property
    def terms(self) -> Terms:
        """Its columns and prior scales."""

    def given(self, vectors: Array, functionals: Coefficients) -> tuple[Array, Array, Array]:
        """log density (B,), means (B, F) and sds (B, F) of linear functionals at B vectors of hyperparameters."""


@dataclass(frozen=True, eq=False)
class ExactPosterior:
    """The weighted hyperparameters of a normal linear card, and from them anything linear, in units of the outcome.

    ``vectors`` (point, d) on the unconstrained scale; ``weights`` (point,) sum to one; ``y_scale`` : one standardised
    unit of the outcome; ``scales`` : of the covariates by block of coefficients. In the model of two outcomes jointly
    ``outcome`` is which of them is meant, and ``rows`` where the rows of its design stand.
    """

    model: Linear
    vectors: Array
    weights: Array
    y_scale: float
    scales: Mapping[str, Array]
    outcome: int | None = None
    rows: Index | None = None

    @classmethod
    def of(cls, model: Linear, design: Design, vectors: Array, weights: Array) -> Self:
        """The posterior of a model of a design."""
        scales = {"beta": design["x_scale"].to_numpy(), "modifier_effect": design["z_scale"].to_numpy()}
        return cls(model, vectors, weights, float(design.attrs["y_scale"]), scales)

    def effects(self, row_weights: Array) -> list[Effect]:
        """Averages of the effect over rows of the design, weights (F, obs)."""
        return self._averages(row_weights).effects()

    def above(self, row_weights: Array, size: float) -> Array:
        """P(> size) of such averages : (F,)."""
        return 1 - self._averages(row_weights).cdf(np.full(len(row_weights), size))

    def coefficients(self, name: str) -> list[Effect]:
        """The coefficients "beta" or "modifier_effect", a unit of each covariate or modifier."""
        functionals = coefficient_functionals(self.model.terms, name + self._suffix, self.scales[name])
        return self.mixtures(functionals).effects()

    def mixtures(self, functionals: Coefficients) -> NormalMixtures:
        """One mixture for each of F linear functionals of the standardised coefficients."""
        used = self.weights > 0
        _, means, sds = self.model.given(self.vectors[used], functionals)
        weights = np.broadcast_to(self.weights[used], means.T.shape)
        return NormalMixtures(weights, means.T * self.y_scale, sds.T * self.y_scale)

    def _averages(self, row_weights: Array) -> NormalMixtures:
        if self.rows is not None:
            everywhere = np.zeros((len(row_weights), self.model.terms.y.size))
            everywhere[:, self.rows] = row_weights
            row_weights = everywhere
        return self.mixtures(effect_functionals(self.model.terms, row_weights, self._suffix))

    @property
    def _suffix(self) -> str:
        """What the names of blocks end with."""
        return "" if self.outcome is None else f" {self.outcome}"
