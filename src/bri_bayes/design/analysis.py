"""What is asked, and what came out: ``Analysis`` is the recipe, ``Fit`` the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import xarray as xr

from bri_bayes.core.arrays import Array
from bri_bayes.core.effect import Effect
from bri_bayes.core.io import digest
from bri_bayes.core.names import WEIGHT
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.design import Design, build_design
from bri_bayes.study.model_card import ModelCard, Sampler


@dataclass(frozen=True, eq=False)
class Analysis:
    """A panel, an assignment and a card. Robustness is a changed recipe: ``replace``."""

    panel: xr.Dataset
    assignment: Assignment
    card: ModelCard

    def __repr__(self) -> str:
        treated, controls = self.assignment.treated_units, self.assignment.never_treated
        return f"Analysis(card={self.card.name!r}, {len(treated)} treated units, {len(controls)} controls)"

    def replace(self, **changes: Any) -> Analysis:
        """The same recipe with other parts."""
        return dataclasses.replace(self, **changes)

    def sampled(self, sampler: Sampler) -> Analysis:
        """The same recipe with other numbers of draws and points, which its arrays do not depend on."""
        changed = self.replace(card=dataclasses.replace(self.card, sampler=sampler))
        changed.__dict__["design"] = self.design
        return changed

    @cached_property
    def design(self) -> Design:
        """The labelled arrays that the card sees."""
        return build_design(self.panel, self.assignment, self.card)

    @cached_property
    def digest(self) -> str:
        """Names the content: two analyses with one digest have the same posterior."""
        design = self.design
        names = ("y", "X", "Z", "event_time", "exposed_time", "unit_ix", "period_ix", WEIGHT)
        shared = ("group_ix",) if self.card.shocks.process != "none" else ()
        # The same numbers are other levels under another transform.
        link = [design.attrs.get("outcome_transform", "none")] if self.card.has_log_link else []
        arrays = [design.variables[name].values for name in (*names, *shared) if name in design]
        return digest(
            *[np.ascontiguousarray(array).tobytes() for array in arrays],
            [str(unit) for unit in design.variables["unit"].values],
            [int(period) for period in design.variables["period"].values],
            [str(name) for name in (*design.variables["covariate"].values, *design.variables["modifier"].values)],
            self.card.digest,
            *link,
        )


class LinearPosterior(Protocol):
    """The exact posterior of everything linear under a normal card (``inference.exact``).

    ``vectors`` (point, d), ``weights`` (point,) : hyperparameters on their unconstrained scale, what it is stored as.
    """

    @property
    def vectors(self) -> Array:
        """(point, d)."""

    @property
    def weights(self) -> Array:
        """(point,), summing to one."""

    def effects(self, row_weights: Array) -> list[Effect]:
        """Averages of the effect over rows of the design, weights (F, obs)."""

    def above(self, row_weights: Array, size: float) -> Array:
        """P(> size) of such averages : (F,)."""

    def coefficients(self, name: str) -> list[Effect]:
        """The coefficients "beta" or "modifier_effect", a unit of each covariate or modifier."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A posterior of an analysis.

    ``posterior`` : DataTree with the groups posterior, log_likelihood, posterior_predictive, observed_data and
    sample_stats; ``diagnostics`` : engine, ess, rhat, khat, divergences, seconds; ``log_marginal`` : log marginal
    likelihood of the outcome in its own units (None with NUTS); ``exact`` : the posterior of linear estimands without
    draws (None with NUTS).
    """

    analysis: Analysis
    design: Design
    posterior: xr.DataTree
    diagnostics: Mapping[str, Any]
    log_marginal: float | None
    exact: LinearPosterior | None = None

    def __repr__(self) -> str:
        groups = ", ".join(self.posterior.children)
        return f"Fit({self.analysis!r}, engine={self.diagnostics['engine']!r}, groups: {groups})"


class FitStore(Protocol):
    """Where fits are kept between runs (``runtime.cache``)."""

    def read_fit(self, key: str, analysis: Analysis) -> Fit | None:
        """A stored fit of this analysis, or None."""

    def write_fit(self, key: str, fit: Fit) -> None:
        """Store a fit."""


Fitter = Callable[[Analysis], Fit]
