"""What is the posterior of the ATT for many onsets of the same treated units? Placebos in time in seconds.

The rows, the outcome and who is treated stay, the effect columns change. On a balanced panel without covariates what
is left of unit and period effects is the same for all onsets (``equal_rows``): an onset costs a system as large as its
years with an effect, and points that cover all posteriors are shared (``shared_proposals``). An onset that they do not
cover is fitted by itself: to the reader its answer is as exact as that of a refit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array, Index
from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD
from bri_bayes.design.design import Design
from bri_bayes.inference.assignment_columns import AssignmentColumns
from bri_bayes.inference.batched_algebra import solve_lower
from bri_bayes.inference.collapsed import Space
from bri_bayes.inference.convergence import ESS_LIMIT
from bri_bayes.inference.equal_outcomes import Sums, covers_equal
from bri_bayes.inference.equal_rows import EqualRows, TreatedEffects, without_lost
from bri_bayes.inference.shared_answers import answered_together
from bri_bayes.study.model_card import ModelCard

ONSET = "onset"


def att_of_onsets(
    design: Design, card: ModelCard, onsets: Sequence[int], *, points: int = 2000, seed: int = 0
) -> xr.Dataset:
    """The posterior of the ATT had the treated units of ``design`` been treated from each of ``onsets`` on.

    Variables (onset,) as in ``batch.att_of_many``. An onset whose effective number of points is not above what a refit
    needs (``convergence.ESS_LIMIT``) gets points as a refit has them.
    """
    if not covers_equal(design, card):
        raise InputError(f'the onsets of the card "{card.name}" do not share their rows here: fit them one by one')
    years = design[PERIOD].to_numpy()
    if outside := [onset for onset in onsets if not years[0] < onset <= years[-1]]:
        raise InputError(f"the onset {outside[0]} is outside the periods {years[1]} to {years[-1]}")
    model = EqualOnsets.build(design, card, tuple(onsets))
    every = np.arange(len(onsets))
    return answered_together(model, every, ONSET, design, card, points, seed, least_ess=ESS_LIMIT + 1.0)


@dataclass(frozen=True, eq=False)
class EqualOnsets:
    """The model of a card on a balanced panel whose treated units may be treated from any of several onsets on.

    ``effects`` : of each onset; ``k`` treated units; ``sums`` : of the one outcome.
    """

    rows: EqualRows
    effects: tuple[TreatedEffects, ...]
    k: int
    sums: Sums

    @classmethod
    def build(cls, design: Design, card: ModelCard, onsets: tuple[int, ...]) -> EqualOnsets:
        """For a design that ``are_equal`` has let through.

        With a single year of effects a path has no bends: their scale keeps its prior, and the answer is the same.
        """
        asked = [AssignmentColumns.of(design, card, onset) for onset in onsets]
        space = max((columns.space for columns in asked), key=lambda space: space.dimension)
        rows = EqualRows.build(design, card, asked[0], space)
        ever = np.isfinite(design["first_treated"].to_numpy())
        sums = Sums.of(asked[0].nuisance.y.reshape(1, rows.n_units, rows.n_periods), ever)
        return cls(rows, tuple(TreatedEffects(rows, columns) for columns in asked), int(ever.sum()), sums)

    @property
    def space(self) -> Space:
        """The hyperparameters."""
        return self.rows.space

    def evaluate(self, vectors: Array, which: Index) -> tuple[Array, Array, Array]:
        """log p(y, h_j | onset i), mean and sd of the ATT given h_j, all (onset, point), of the onsets ``which``."""
        out = np.empty((3, len(which), len(vectors)))
        every, treated = self.sums.every, self.sums.treated
        for some in self.rows.batches(vectors):
            reduced = self.rows.at(vectors[some])
            of_sums = reduced.S - self.k * reduced.shared
            series = np.concatenate([reduced.scores(treated, self.k * every), reduced.S @ self.sums.contrasts], axis=2)
            form = self.sums.form(reduced)[:, 0]
            for position, onset in enumerate(which):
                effects = self.effects[onset]
                pulled = effects.pulled(series)
                of_one = effects.crossed(reduced.S) if self.k > 1 else of_sums
                solved = effects.solve(self.k, effects.crossed(of_sums), of_one, pulled[..., :1], reduced.hyper)
                of_y = solved.white[..., 0]
                explained = (of_y**2).sum(axis=1)
                if solved.contrasts is not None:
                    white = solve_lower(solved.contrasts, effects.own_rows(pulled[..., 1:]))
                    explained = explained + (white**2).sum(axis=(1, 2))
                log_density = reduced.constant + solved.log_density - 0.5 * (form - explained)
                out[:, position, some] = log_density, (solved.of_c * of_y).sum(axis=1), solved.sds
        return without_lost(*out)
