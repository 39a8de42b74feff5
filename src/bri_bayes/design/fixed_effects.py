"""What is left of a variable after unit and period effects: the two-way within transformation."""

from __future__ import annotations

import numpy as np

from bri_bayes.core.arrays import Array, Index

# An eigenvalue below this share of the largest is zero; real ones are above 1 / (number of units and periods)^2.
NULL_SHARE = 1e-9


class TwoWay:
    """Least-squares residuals on unit and period dummies of a panel, balanced or not.

    With M_u the projection that takes unit means away and P the period dummies,

        v~ = M_u v - M_u P (P' M_u P)^+ P' M_u v        (Frisch-Waugh-Lovell; Baltagi 2021, ch. 9)

    so a panel of n rows, N units and T periods costs O(n T + T^3) once and O(n + T^2) a variable.

    ``unit_ix``, ``period_ix`` : (n,) positions from 0; every unit and every period may have gaps.
    """

    def __init__(self, unit_ix: Index, period_ix: Index) -> None:
        self.unit_ix = np.asarray(unit_ix, dtype=np.intp)
        self.period_ix = np.asarray(period_ix, dtype=np.intp)
        self.n_units = int(self.unit_ix.max()) + 1
        self.n_periods = int(self.period_ix.max()) + 1
        self._rows = np.maximum(np.bincount(self.unit_ix, minlength=self.n_units), 1).astype(float)
        periods = np.zeros((self.unit_ix.size, self.n_periods))
        periods[np.arange(self.unit_ix.size), self.period_ix] = 1.0
        self._periods = self._minus_unit_means(periods)
        gram = self._periods.T @ self._periods
        # Period dummies minus unit means add up to zero (in each connected part of the panel): those directions are
        # left out by name, since the inverse of their rounding error would swamp the residuals.
        values, vectors = np.linalg.eigh(gram)
        kept = values > NULL_SHARE * values.max(initial=0.0)
        self._gram_inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        self.rank = int(np.unique(self.unit_ix).size + kept.sum())

    def residuals(self, values: Array) -> Array:
        """Residuals of ``values`` : (n,) or (n, m), in the units of ``values``."""
        columns = np.asarray(values, dtype=float)
        demeaned = self._minus_unit_means(columns if columns.ndim == 2 else columns[:, None])
        residuals = demeaned - self._periods @ (self._gram_inverse @ (self._periods.T @ demeaned))
        return residuals if columns.ndim == 2 else residuals[:, 0]

    def _minus_unit_means(self, columns: Array) -> Array:
        totals = np.zeros((self.n_units, columns.shape[1]))
        np.add.at(totals, self.unit_ix, columns)
        return np.asarray(columns - (totals / self._rows[:, None])[self.unit_ix])
