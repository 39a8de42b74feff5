"""The sampling engine against the closed form, and the models that only it covers."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.effects import att, att_by
from bri_bayes.inference import fit
from bri_bayes.inference.convergence import ESS_LIMIT, RHAT_LIMIT
from bri_bayes.inference.fitting import is_trustworthy
from bri_bayes.inference.marginal import is_feasible, sample_marginal, to_parameters
from bri_bayes.study.model_card import Effects, Errors, Likelihood, Sampler, load_card

from .panels import make_card, make_panel

pytestmark = pytest.mark.nuts

SAMPLER = Sampler(chains=4, draws=1000, tune=600, target_accept=0.9, proposals=8000)
# Both means have a Monte Carlo error of about sd / sqrt(effective draws) = sd / 30 or less: four of them.
MEAN_SHARE = 0.13
# An sd from some thousand draws is known to a few percent, the width of a 90% interval of a skewed scale to less.
SD_SHARE = 0.1
WIDTH_SHARE = 0.2

# Every other card has the same density in both, to rounding: ``test_one_posterior``.
CARDS = {
    "by_unit_event_time ar1": {},
    "scale by unit, correlated periods, modifier slopes by unit": {
        "errors": Errors("iid", "by_unit"),
        "effects": Effects(treatment="by_unit", period="correlated", modifier_slopes="by_unit"),
        "modifiers": ("x",),
    },
}


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_the_two_engines_have_one_posterior(changes):
    analysis = Analysis(*make_panel(seed=2), make_card(**changes, sampler=SAMPLER))
    closed, sampled = (fit(analysis, engine=engine) for engine in ("marginal", "nuts"))
    assert sampled.diagnostics["rhat"] < 1.02
    ours, theirs = closed.posterior["posterior"], sampled.posterior["posterior"]
    assert set(ours.data_vars) == set(theirs.data_vars)
    assert {name: ours[name].dims for name in ours} == {name: theirs[name].dims for name in theirs}
    for name in ours.data_vars:
        a, b = (tree[name].transpose("chain", "draw", ...).to_numpy() for tree in (ours, theirs))
        # Quantiles: close to a unit root the level of a country has a tail as wide as its prior.
        low_a, mid_a, high_a = np.quantile(a, [0.05, 0.5, 0.95], axis=(0, 1))
        low_b, mid_b, high_b = np.quantile(b, [0.05, 0.5, 0.95], axis=(0, 1))
        width = high_b - low_b
        assert np.abs((mid_a - mid_b) / width).max() < MEAN_SHARE / 2, name
        assert high_a - low_a == pytest.approx(width, rel=WIDTH_SHARE), name
    first, second = att(closed), att(sampled)
    assert float(first.mean()) == pytest.approx(float(second.mean()), abs=MEAN_SHARE * float(second.std()))
    assert float(first.std()) == pytest.approx(float(second.std()), rel=SD_SHARE)
    a, b = (tree.posterior["log_likelihood"]["y"].mean(("chain", "draw")).to_numpy() for tree in (closed, sampled))
    assert a == pytest.approx(b, abs=0.2)


def test_student_t_errors_shrug_off_an_outlier_that_moves_the_normal_model():
    panel, assignment = make_panel(seed=4, holes=False)
    y = panel["y"].copy()
    y.loc[{"unit": "U0", "period": 2008}] += 8.0
    spoilt = panel.assign(y=y)
    common = {"effects": Effects(treatment="common"), "errors": Errors("iid"), "sampler": SAMPLER}
    robust = make_card(**common, likelihood=Likelihood("student_t"))
    clean = float(att(fit(Analysis(panel, assignment, make_card(**common)))).mean())
    normal = float(att(fit(Analysis(spoilt, assignment, make_card(**common)))).mean())
    student = fit(Analysis(spoilt, assignment, robust))
    assert student.diagnostics["engine"] == "gibbs"
    assert "nu" in student.posterior["posterior"]
    assert abs(float(att(student).mean()) - clean) < 0.3 * abs(normal - clean)


def test_a_formula_card_gives_the_effect_of_its_own_scale():
    """A gamma regression with a log link on the level of a log-normal panel finds the effect in logs."""
    panel, assignment = make_panel(seed=6, holes=False, rho=0.0, effect=0.8)
    panel["y"].attrs["transform"] = "log"
    careful = dataclasses.replace(SAMPLER, chains=2, target_accept=0.99, draws=500)  # about 900 effective ones
    card = dataclasses.replace(load_card("gamma_log"), outcome="y", sampler=careful)
    result = fit(Analysis(panel, assignment, card))
    linear = fit(Analysis(panel, assignment, make_card(errors=Errors("iid"), effects=Effects(treatment="by_unit"))))
    assert result.posterior["posterior"]["effect"].dims == ("chain", "draw", "treated_unit", "event_time")
    assert att_by(result, "unit").sizes["unit"] == 3
    assert float(att(result).mean()) == pytest.approx(float(att(linear).mean()), abs=2 * float(att(linear).std()))
    # How many transitions diverge differs between processors; whether the chains met does not.
    assert result.diagnostics["rhat"] < RHAT_LIMIT
    assert result.diagnostics["ess"] > ESS_LIMIT


def test_auto_says_so_and_samples_when_the_importance_sample_is_not_reliable(monkeypatch):
    from bri_bayes.inference import fitting

    def unreliable(design, card, seed):
        return dataclasses.replace(sample_marginal(design, card, seed), khat=0.83)

    def sampled(design, card, seed, *, progress):
        return to_parameters(design, card, sample_marginal(design, card, seed).values), {"divergences": 0}

    monkeypatch.setattr(fitting, "sample_marginal", unreliable)
    monkeypatch.setattr(fitting, "sample_nuts", sampled)  # what NUTS draws is asked above
    card = make_card(effects=Effects(treatment="common"), errors=Errors("iid"))
    analysis = Analysis(*make_panel(), card)
    chosen = fit(analysis)
    assert chosen.diagnostics["engine"] == "nuts"
    assert chosen.diagnostics["notes"][0].startswith("k-hat is 0.83, above 0.7: fell back")
    insisted = fit(analysis, engine="marginal")
    assert insisted.diagnostics["engine"] == "marginal"
    assert not is_trustworthy(insisted)


class CompiledError(Exception):
    pass


def anew(model):
    raise CompiledError


def test_outcomes_on_the_same_rows_share_a_compiled_model_and_keep_their_own_scale_and_posterior(monkeypatch):
    """The second outcome is of another size, moves in another way and spreads more widely around its fit."""
    from bri_bayes.inference import nuts

    builds = []
    compile_it = nuts.compiled_model
    monkeypatch.setattr(nuts, "compiled_model", lambda model: builds.append(model) or compile_it(model))
    panel, assignment = make_panel(seed=2)
    level = xr.DataArray(40.0 * np.arange(panel.sizes["unit"]), dims="unit")
    two = panel.assign(second=100 * panel["y"] + 40 * level)
    card = make_card(effects=Effects(treatment="common"), errors=Errors("iid"), sampler=SAMPLER)
    recipes = [Analysis(two, assignment, dataclasses.replace(card, outcome=name)) for name in ("y", "second")]
    first, second = (recipe.design for recipe in recipes)
    assert nuts.wide_scales(first, card)[0] < 0.8 * nuts.wide_scales(second, card)[0]
    sample = nuts.sampler_alike()
    draws = [sample(recipe.design, recipe.card, 3)[0] for recipe in recipes]
    assert len(builds) == 1
    for recipe, values in zip(recipes, draws, strict=True):
        closed = to_parameters(recipe.design, recipe.card, sample_marginal(recipe.design, recipe.card, 0).values)
        for name in ("unit_effect", "sigma"):
            mean, sd = closed[name].mean(axis=0), closed[name].std(axis=0)
            assert np.abs((values[name].mean(axis=0) - mean) / sd).max() < MEAN_SHARE
    fewer = assignment.drop(assignment.never_treated[0])
    monkeypatch.setattr(nuts, "compiled_model", anew)
    with pytest.raises(CompiledError):
        sample(Analysis(two, fewer, recipes[0].card).design, card, 3)


def test_an_error_scale_for_each_of_many_units_is_left_to_nuts():
    analysis = Analysis(*make_panel(n_units=40), make_card(errors=Errors("ar1", "by_unit")))
    assert not is_feasible(analysis.design, analysis.card)
    assert is_feasible(Analysis(*make_panel(), analysis.card).design, analysis.card)


def test_the_closed_form_refuses_what_it_does_not_cover():
    card = make_card(likelihood=Likelihood("student_t"))
    with pytest.raises(InputError, match='does not cover the card "test"'):
        fit(Analysis(*make_panel(), card), engine="marginal")


# Two children of one process, which has imported all and compiled nothing, sample once each. Its other thread is the
# allocator's of pyarrow, which is held while a process forks.
SAMPLED_IN_A_CHILD = """
import os, sys, warnings
import numpy as np, nutpie, pymc as pm
from bri_bayes.inference.nuts import sample_model
from bri_bayes.study.model_card import ModelCard, Sampler

def sample():
    warnings.simplefilter("ignore")
    y = np.sin(np.arange(40.0))
    with pm.Model() as model:
        b = pm.Normal("b", shape=3)
        # Sums and products alone: a product of matrices is compiled for a minute and a half where the cache is empty.
        pm.Normal("y", b[0] * y + b[1] * y**2 + b[2], 1.0, observed=np.cos(np.arange(40.0)))
    card = ModelCard("c", "t", sampler=Sampler(chains=2, draws=100, tune=100))
    tree, _ = sample_model(model, card, 1)
    return tree["posterior"]["b"].to_numpy().tobytes()

for path in sys.argv[1:]:
    if (child := os.fork()) == 0:
        with open(path, "wb") as drawn:
            drawn.write(sample())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_an_empty_and_a_warm_cache_of_compiled_code_give_the_same_bits(tmp_path):
    flags = {**os.environ, "PYTENSOR_FLAGS": f"base_compiledir={tmp_path / 'compiled'}"}
    files = [tmp_path / name for name in ("cold", "warm")]
    subprocess.run([sys.executable, "-c", SAMPLED_IN_A_CHILD, *map(str, files)], check=True, env=flags)
    cold, warm = (path.read_bytes() for path in files)
    assert len(cold) == 2 * 100 * 3 * 8
    assert cold == warm
    assert any((tmp_path / "compiled").rglob("*.nbi"))  # what the first has compiled was there for the second
