"""Leave-one-group-out and leave-future-out against ArviZ, which knows neither the model nor how its refits are done.

The refits are by quadrature over sigma with every matrix written out; ArviZ draws the folds, asks for each refit and
averages densities over its draws. A unit, and a period, is one observation with a joint density: the mean over draws
of a joint density is not the product of the means of its factors.
"""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from arviz_base import from_dict
from arviz_stats import SamplingWrapper, lfo_cv, loo_kfold
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from bri_bayes.design.design import build_design
from bri_bayes.design.linear_terms import build_terms, period_contrasts
from bri_bayes.inference.hyperparameters import hyperparameters
from bri_bayes.inference.leave_out import leave_future_out, leave_units_out

from .panels import make_card, make_panel
from .test_leave_out import COMMON_IID, conditional_log_density, covariance_of

# Draws of a refit, systematic over the grid; our 2,000 points have an error of about 0.003 a score.
DRAWS = 4000
MONTE_CARLO = 0.015
FIRST = 2006


class QuadratureRefits(SamplingWrapper):
    """Refits of a card with independent errors; an observation is a unit, or a period given all before it."""

    def __init__(self, design, card, dim):
        super().__init__(model=None)
        self.terms, self.dim = build_terms(design, card), dim
        space = hyperparameters(self.terms, card)
        grid = np.linspace(-1.2, 0.8, 25)[:, None]
        self.log_prior = space.log_prior(grid)
        self.covariances = [covariance_of(self.terms, "iid", {"sigma": s}) for s in space.values(grid)["sigma"]]
        self.label = self.terms.unit_ix if dim == "unit" else np.unique(self.terms.period, return_inverse=True)[1]

    def sel_observations(self, idx):
        return np.flatnonzero(~np.isin(self.label, idx)), np.asarray(idx)

    def sample(self, seen):
        y, parts = self.terms.y[seen], [c[np.ix_(seen, seen)] for c in self.covariances]
        log_weight = self.log_prior + [multivariate_normal(np.zeros(y.size), part).logpdf(y) for part in parts]
        weight = np.exp(log_weight - logsumexp(log_weight))
        points = np.searchsorted(np.cumsum(weight), (np.arange(DRAWS) + 0.5) / DRAWS)
        return seen, np.minimum(points, weight.size - 1)

    def get_inference_data(self, fitted):
        self.seen, points = fitted
        return from_dict({"posterior": {"point": points[None, :]}})

    def log_likelihood__i(self, held_out, idata):
        """The joint density of the first unit or period held out; later ones are asked for and not used."""
        rows = np.flatnonzero(self.label == held_out[0])
        by_point = np.array(
            [
                conditional_log_density(c, self.terms.y, rows, self.seen, period_contrasts(rows.size).T)
                for c in self.covariances
            ]
        )
        draws = np.zeros((1, DRAWS, held_out.size))
        draws[0, :, 0] = by_point[idata["posterior"]["point"].to_numpy()[0]]
        return xr.DataArray(draws, dims=("chain", "draw", self.dim))


def given_all(dim, size):
    """What ArviZ wants of the fit to all rows, for its number of parameters, which is not compared."""
    return from_dict(
        {"posterior": {"point": np.zeros((1, 4))}, "log_likelihood": {"y": np.zeros((1, 4, size))}},
        dims={"y": [dim]},
    )


@pytest.fixture(scope="module")
def design_and_card():
    card = make_card(**COMMON_IID)
    return build_design(*make_panel(holes=False), card), card


def test_a_unit_left_out_is_scored_as_by_arviz_with_a_fold_a_group(design_and_card):
    design, card = design_and_card
    ours, n = leave_units_out(design, card), design.sizes["unit"]
    refits = QuadratureRefits(design, card, "unit")
    theirs = loo_kfold(given_all("unit", n), refits, pointwise=True, k=n, group_by=np.arange(n))
    moved = ours["contrasts"].to_numpy() * np.log(design.attrs["y_scale"])
    assert ours["elpd"].to_numpy() + moved == pytest.approx(theirs.elpd_i.to_numpy(), abs=MONTE_CARLO)


def test_a_period_ahead_is_scored_as_by_arviz(design_and_card):
    design, card = design_and_card
    ours, n = leave_future_out(design, card, first=FIRST), design.sizes["period"]
    theirs = lfo_cv(
        given_all("period", n),
        QuadratureRefits(design, card, "period"),
        min_observations=n - ours.sizes["period"],
        forecast_horizon=1,
        time_dim="period",
        pointwise=True,
        method="exact",
    )
    moved = ours["contrasts"].to_numpy() * np.log(design.attrs["y_scale"])
    scores = theirs.elpd_i.to_numpy()
    assert ours["elpd"].to_numpy() + moved == pytest.approx(scores[np.isfinite(scores)], abs=MONTE_CARLO)
