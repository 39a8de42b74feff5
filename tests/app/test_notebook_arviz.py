"""ArviZ and PyMC take what a result gives, without a word of conversion; a changed model gives a result."""

import arviz_plots
import arviz_stats
import numpy as np
import pandas as pd
import pymc as pm
import pytest

import bri_bayes as bb
from bri_bayes.core.errors import InputError

SMALL = {"sampler": {"draws": 500, "proposals": 2000, "tune": 300, "chains": 2}}
# Standard errors of a mean over draws that a difference of two means may have.
MONTE_CARLO = 5


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(8)
    rows = [
        {"country": unit, "year": year, "y": rng.normal() + (unit in "AB" and year >= 2010)}
        for unit in "ABCDE"
        for year in range(2006, 2014)
    ]
    return bb.did(
        pd.DataFrame(rows), "y ~ 1", unit="country", period="year", treated=["A", "B"], onset=2010,
        card=bb.card("did_common", errors="iid", **SMALL),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _closed():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.mark.parametrize(
    "name",
    ["plot_dist", "plot_trace", "plot_rank_dist", "plot_forest", "plot_ess", "plot_autocorr", "plot_prior_posterior"],
)
def test_a_plot_of_arviz_takes_the_tree_as_it_is(result, name):
    drawn = getattr(arviz_plots, name)(result.idata, var_names=["att"])
    assert drawn.viz.children or drawn.viz.data_vars


@pytest.mark.parametrize("name", ["plot_ppc_dist", "plot_loo_pit"])
def test_a_predictive_plot_of_arviz_takes_the_tree_as_it_is(result, name):
    assert getattr(arviz_plots, name)(result.idata).viz.children


@pytest.mark.filterwarnings("ignore:Estimated shape parameter")
def test_arviz_compares_the_trees_of_results(result):
    other = result.with_card(bb.card("did_common", name="serial", **SMALL))
    table = arviz_stats.compare({"iid": result.idata, "ar1": other.idata})
    assert "figure" in arviz_plots.plot_compare(table).viz.data_vars
    assert set(table.index) == {"iid", "ar1"}


def test_the_graph_of_the_model_has_its_variables(result):
    pytest.importorskip("graphviz")
    source = pm.model_to_graphviz(result.model).source
    assert all(name in source for name in ("unit_effect", "period_effect", "effect", "sigma"))


@pytest.mark.nuts
def test_a_term_added_to_the_model_moves_the_effect_as_reweighted_draws_of_the_closed_form(result, tmp_path):
    model, scale = result.model, result.design.attrs["y_scale"]
    with model:
        pm.Potential("seen elsewhere", pm.logp(pm.Normal.dist(0.2, 0.3), model["effect"].mean() * scale))
    changed = result.with_model(model, seed=4)
    draws = bb.att(result.fit).to_numpy().ravel()
    weights = np.exp(-0.5 * ((draws - 0.2) / 0.3) ** 2)
    weights /= weights.sum()
    expected = float(weights @ draws)
    deviation = float(np.sqrt(weights @ (draws - expected) ** 2))
    error = deviation * np.sqrt((weights**2).sum() + 1 / changed.fit.diagnostics["ess"])
    assert abs(expected - result.effect.mean) > MONTE_CARLO * error
    assert changed.effect.mean == pytest.approx(expected, abs=MONTE_CARLO * error)
    assert "one's own" in changed.effect_summary()
    assert bb.DidResult.load(changed.save(tmp_path / "own.nc")).effect == changed.effect
    with pytest.raises(InputError, match="no log likelihood"):
        result.compare(changed)


def test_a_model_without_an_effect_is_refused(result):
    with pm.Model() as model:
        pm.Normal("effect")
    with pytest.raises(InputError, match="no variable unit_effect, period_effect"):
        result.with_model(model)
