"""Linear estimands without draws: against draws of the same posterior, between seeds, and after a rest in the cache."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from bri_bayes.core.effect import Effect
from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands import linear
from bri_bayes.estimands.effects import att, att_by, cell_effects
from bri_bayes.estimands.linear import att_effect, averages, coefficient_effects, effects_by, effects_by_cell
from bri_bayes.inference import fit
from bri_bayes.runtime.cache import Cache
from bri_bayes.study.model_card import Effects, Errors, Sampler, load_card
from bri_bayes.study.study_file import load_study

from ..inference.panels import make_card, make_panel

GOODS_TRADE = Path(__file__).resolve().parents[2] / "data" / "goods_trade.toml"
# 8,000 draws: an sd is known to 1%, an end of an interval to 3% of the sd, both three times over.
MEAN_SHARE, END_SHARE = 0.04, 0.12
# What two seeds may differ by, in posterior sds.
SEEDS_AGREE = 0.02

CARDS = {
    "default": {"covariates": ("x",)},
    "event study": {"effects": Effects(treatment="event_time", pooling="none", leads=True), "errors": Errors("iid")},
    "window": {"effects": Effects(treatment="event_time", leads=True, window=(-3, 2))},
    "modifier slopes by unit": {"modifiers": ("x",), "effects": Effects(modifier_slopes="by_unit")},
    "no pooling by unit": {"effects": Effects(treatment="by_unit", pooling="none")},
}


def agrees(exact: Effect, draws: np.ndarray) -> None:
    drawn = Effect.of_draws(draws)
    assert exact.mean == pytest.approx(drawn.mean, abs=MEAN_SHARE * drawn.sd)
    assert exact.sd == pytest.approx(drawn.sd, rel=0.06)
    assert exact.lower == pytest.approx(drawn.lower, abs=END_SHARE * drawn.sd)
    assert exact.upper == pytest.approx(drawn.upper, abs=END_SHARE * drawn.sd)
    assert exact.p_positive == pytest.approx(drawn.p_positive, abs=0.03)


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
@pytest.mark.parametrize("cells_a_pass", [1, 4, 1000])
def test_many_averages_in_one_pass_are_each_by_itself(changes, cells_a_pass, monkeypatch):
    result = fit(Analysis(*make_panel(seed=4), make_card(**changes)), pointwise=False)
    by_itself = att_effect(result), {by: effects_by(result, by) for by in ("event_time", "unit")}
    cells = [effect for of_unit in effects_by_cell(result).values() for effect in of_unit.values()]
    passes = []
    monkeypatch.setattr(linear, "WEIGHT_BYTES", 8 * result.design.sizes["obs"] * cells_a_pass)
    monkeypatch.setattr(
        linear, "_effects", lambda fit, weights: passes.append(len(weights)) or fit.exact.effects(weights)
    )
    together = averages(result, ("event_time", "unit"), cells=True)
    assert len(passes) == -(-len(cells) // cells_a_pass)
    many = [effect for of_unit in together.cells.values() for effect in of_unit.values()]
    for one_pass, alone in zip(many, cells, strict=True):
        assert one_pass.as_dict() == pytest.approx(alone.as_dict(), rel=1e-9, abs=1e-12)
    assert together.att.as_dict() == pytest.approx(by_itself[0].as_dict(), rel=1e-9)
    for by, effects in by_itself[1].items():
        assert list(together.by[by]) == list(effects)
        for label, effect in effects.items():
            assert together.by[by][label].as_dict() == pytest.approx(effect.as_dict(), rel=1e-9, abs=1e-12)
    assert not averages(result, ("unit",), cells=False).cells


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_every_average_of_effects_has_the_moments_of_its_draws(changes):
    card = make_card(**changes, sampler=Sampler(chains=4, draws=2000))
    result = fit(Analysis(*make_panel(seed=4), card), pointwise=False)
    agrees(att_effect(result), att(result).to_numpy())
    for by in ("unit", "event_time", "period"):
        draws = att_by(result, by)
        exact = effects_by(result, by)
        assert list(exact) == [str(label) for label in draws[by].to_numpy()]
        for label, effect in exact.items():
            agrees(effect, draws.sel({by: type(draws[by].to_numpy()[0])(label)}).to_numpy())
    cells = cell_effects(result)
    nested = effects_by_cell(result)
    for i in np.flatnonzero(cells["event_time"].to_numpy() >= 0):
        unit, period = str(cells["unit"].to_numpy()[i]), str(cells["period"].to_numpy()[i])
        agrees(nested[unit][period], cells.isel(cell=int(i)).to_numpy())
    if card.effects.leads:
        draws = att_by(result, "event_time", baseline="reference")
        reference = effects_by(result, "event_time", baseline="reference")
        assert reference["-1"] == Effect(0.0, 0.0, 0.0, 0.0, 0.0)
        agrees(reference["2"], draws.sel(event_time=2).to_numpy())
    for name in {"beta", "modifier_effect"} & set(result.posterior["posterior"].data_vars):
        agrees(coefficient_effects(result, name)["x"], result.posterior["posterior"][name].to_numpy())


@pytest.mark.parametrize("changes", [CARDS["default"], CARDS["event study"]])
def test_without_an_exact_posterior_the_same_functions_read_the_draws(changes):
    result = fit(Analysis(*make_panel(seed=4), make_card(**changes)), pointwise=False)
    drawn = dataclasses.replace(result, exact=None)
    assert att_effect(drawn).mean == pytest.approx(float(att(result).mean()), abs=1e-12)
    assert att_effect(drawn).as_dict() == pytest.approx(Effect.of_draws(att(result).to_numpy()).as_dict())
    by_time = att_by(result, "event_time")
    for label, effect in effects_by(drawn, "event_time").items():
        assert effect.upper == pytest.approx(Effect.of_draws(by_time.sel(event_time=int(label)).to_numpy()).upper)


def test_a_fit_that_was_stored_gives_the_same_numbers(tmp_path):
    analysis, store = Analysis(*make_panel(), make_card()), Cache(tmp_path)
    first = fit(analysis, cache=store)
    again = fit(analysis, cache=store)
    assert again.exact is not first.exact
    assert att_effect(again) == att_effect(first)
    assert effects_by_cell(again) == effects_by_cell(first)


def test_an_unknown_average_is_refused():
    with pytest.raises(InputError, match='cannot be averaged by "country"'):
        effects_by(fit(Analysis(*make_panel(), make_card()), pointwise=False), "country")


@pytest.mark.real
@pytest.mark.parametrize("outcome", ["lnexport", "lnimport"])
def test_two_seeds_differ_by_less_than_a_fiftieth_of_an_sd_in_any_end(shared, outcome):
    study = load_study(GOODS_TRADE, panel=shared / "data" / "real_panel" / "china_partners_2000_2023.csv")
    analysis = Analysis(study.load(), study.assignment, dataclasses.replace(load_card("did"), outcome=outcome))
    answers = []
    for seed in (1, 2):
        result = fit(analysis, seed=seed, pointwise=False)
        averages = [
            att_effect(result),
            *effects_by(result, "unit").values(),
            *effects_by(result, "event_time").values(),
        ]
        answers.append(averages)
    for first, second in zip(*answers, strict=True):
        for end in ("mean", "lower", "upper"):
            assert abs(getattr(first, end) - getattr(second, end)) < SEEDS_AGREE * first.sd
