"""A share of the effect for the controls: its two ends, its quadrature, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.linear_terms import build_terms
from bri_bayes.estimands.effects import att, att_by
from bri_bayes.inference import fit
from bri_bayes.inference.batch import att_of_many
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.hyperparameters import hyperparameters
from bri_bayes.study.model_card import Contamination, Effects, Errors, Sampler, load_card

from .panels import make_card, make_panel

SINCE = {"U3": 2007, "U4": 2008}
# The same linear model written twice: rounding of the cross-products.
ROUNDING = 1e-8
# The prior sits on the average effect, which is one over other cells once exposed controls count as treated.
OTHER_AVERAGE = 1e-3
# Two importance samples of some thousand points: four Monte Carlo errors, in posterior sds.
MONTE_CARLO = 0.08
PRECISE = Sampler(draws=1500, proposals=8000)

CARDS = {
    "by_unit_event_time": {},
    "path": {"effects": Effects(treatment="event_time")},
    "path without pooling": {"effects": Effects(treatment="event_time", pooling="none"), "errors": Errors("iid")},
    "window, scale by unit": {"effects": Effects(window=(-3, 1)), "errors": Errors("ar1", "by_unit")},
    "common": {"effects": Effects(treatment="common"), "errors": Errors("random_walk")},
}


def contaminated(seed=2, share=None, since=SINCE, **changes):
    panel, assignment = make_panel(seed=seed)
    return Analysis(panel, assignment, make_card(**changes, contamination=Contamination(since, share)))


def density_at(analysis, kappa=None):
    """Log marginal density at a few hyperparameter vectors, with kappa set where the card learns it."""
    terms = build_terms(analysis.design, analysis.card)
    space = hyperparameters(terms, analysis.card)
    model = Collapsed.of(terms, analysis.card, space)
    rng = np.random.default_rng(0)
    scalars = {name: rng.uniform(-1, 1, 5) for name in ("sigma", "rho", "eta", "omega")}
    vectors = np.column_stack(
        [scalars.get(name, np.zeros(5)) for name in space.names] + [np.full(5, -0.5)] * space.n_units
    )
    hyper = space.values(vectors)
    if kappa is not None:
        hyper["kappa"] = np.full(5, kappa)
    return model.conditional(hyper).log_density


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_at_share_one_the_exposed_controls_are_treated_and_at_zero_they_are_clean(changes):
    panel, assignment = make_panel(seed=2)
    card = make_card(**changes)
    joined = Assignment({**assignment.first_treated, **SINCE})
    for share, alternative in ((1.0, joined), (0.0, assignment)):
        spilt = contaminated(share=share, **changes)
        plain = Analysis(panel, alternative, card)
        same_average = share == 0.0 or card.effects.treatment in ("common", "by_unit")
        tolerance = ROUNDING if same_average else OTHER_AVERAGE
        assert density_at(spilt) == pytest.approx(density_at(plain), rel=tolerance)


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_a_learned_share_set_to_a_number_is_that_fixed_share(changes):
    for share in (0.0, 0.3, 1.0):
        learned = density_at(contaminated(**changes), kappa=share)
        assert learned == pytest.approx(density_at(contaminated(share=share, **changes)), rel=ROUNDING)


def test_the_att_stays_that_of_the_treated_cells_when_the_controls_have_all_of_the_effect():
    panel, assignment = make_panel(seed=2)
    spilt = fit(contaminated(share=1.0, sampler=PRECISE))
    joined = fit(Analysis(panel, Assignment({**assignment.first_treated, **SINCE}), make_card(sampler=PRECISE)))
    ours = att_by(spilt, "unit")
    theirs = att_by(joined, "unit").sel(unit=ours["unit"])
    difference = np.abs(ours.mean(("chain", "draw")) - theirs.mean(("chain", "draw"))) / theirs.std(("chain", "draw"))
    assert float(difference.max()) < MONTE_CARLO
    assert spilt.log_marginal == pytest.approx(joined.log_marginal, abs=MONTE_CARLO)


def test_a_learned_share_is_the_quadrature_over_fixed_ones():
    learned = fit(contaminated(sampler=PRECISE))
    grid = (np.arange(12) + 0.5) / 12
    fits = [fit(contaminated(share=float(kappa), sampler=PRECISE)) for kappa in grid]
    log_marginal = np.array([posterior_of.log_marginal for posterior_of in fits])
    weight = np.exp(log_marginal - log_marginal.max())
    weight /= weight.sum()
    means = np.array([float(att(posterior_of).mean()) for posterior_of in fits])
    kappa, effect = learned.posterior["posterior"]["kappa"], att(learned)
    assert float(kappa.mean()) == pytest.approx(weight @ grid, abs=MONTE_CARLO * float(kappa.std()))
    assert float(effect.mean()) == pytest.approx(weight @ means, abs=MONTE_CARLO * float(effect.std()))
    average = log_marginal.max() + np.log(np.exp(log_marginal - log_marginal.max()).mean())
    assert learned.log_marginal == pytest.approx(average, abs=MONTE_CARLO)


def test_multiplying_the_outcome_by_100_multiplies_the_att_and_leaves_kappa():
    analysis = contaminated()
    large = analysis.replace(panel=analysis.panel.assign(y=100 * analysis.panel["y"]))
    small_fit, large_fit = fit(analysis), fit(large)
    assert float(att(large_fit).mean()) == pytest.approx(100 * float(att(small_fit).mean()), rel=1e-5)
    kappa, other = (posterior_of.posterior["posterior"]["kappa"].to_numpy() for posterior_of in (small_fit, large_fit))
    assert kappa == pytest.approx(other, rel=1e-4)


def test_effects_of_many_outcomes_take_a_fixed_share_and_refuse_a_learned_one():
    analysis = contaminated(share=0.5, sampler=PRECISE)
    many = att_of_many(analysis.design, analysis.card, analysis.design["y"].to_numpy()[None])
    alone = att(fit(analysis))
    assert float(many["mean"][0]) == pytest.approx(float(alone.mean()), abs=MONTE_CARLO * float(alone.std()))
    learned = contaminated()
    with pytest.raises(InputError, match="no kappa to learn"):
        att_of_many(learned.design, learned.card, learned.design["y"].to_numpy()[None])


def test_a_control_that_is_not_in_the_comparison_is_passed_over():
    analysis = contaminated(share=0.5)
    without = analysis.replace(assignment=analysis.assignment.drop(SINCE))
    clean = without.replace(card=dataclasses.replace(analysis.card, contamination=None))
    assert float(att(fit(without)).mean()) == pytest.approx(float(att(fit(clean)).mean()), rel=1e-6)


@pytest.mark.parametrize(
    ("since", "message"),
    [
        ({"U0": 2007}, 'contaminates "U0", which is treated'),
        ({"U4": 2003}, "before the first onset 2006"),
        ({"U9": 2007}, 'contaminates "U9", not in the panel'),
    ],
)
def test_an_impossible_exposure_is_refused(since, message):
    with pytest.raises(InputError, match=message):
        _ = contaminated(since=since).design


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[contamination]\nsince = {}", "names no control"),
        ("[contamination]\nsince = {AZE = 2015}\nshare = 1.5", "between 0 and 1"),
        ("[contamination]\nsince = {AZE = 2015}\nprior = [0, 1]", "must be positive"),
        ('[contamination]\nsince = {AZE = 2015}\n[effects]\npooling = "none"', "an effect that units share"),
        ('[contamination]\nsince = {AZE = 2015}\n[effects]\nperiod = "correlated"', 'period = "fixed"'),
    ],
)
def test_a_card_that_cannot_be_contaminated_is_refused(tmp_path, text, message):
    path = tmp_path / "spilt.toml"
    path.write_text(f'title = "t"\n{text}\n', encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_card(path)


def test_a_share_of_controls_that_are_exposed_after_the_panel_cannot_be_learned():
    with pytest.raises(InputError, match="exposes nobody before 2050, and the last period is"):
        contaminated(since={"U3": 2050}).design  # noqa: B018
