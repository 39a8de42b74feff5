"""The engine for many assignments against the engine for one, and its own promises."""

import dataclasses
import itertools

import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.assignment import Assignment
from bri_bayes.data.simulation import simulate_panel
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.linear import att_effect
from bri_bayes.frequentist.resampling import permutation
from bri_bayes.inference import fit
from bri_bayes.inference.assignment_columns import shares_columns
from bri_bayes.inference.assignments import att_of_assignments
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.shared_proposals import LEAST_ESS
from bri_bayes.study.model_card import Effects, Errors, Sampler, load_card

from .panels import make_card, make_panel

# Monte Carlo error of two importance samples of some hundred effective points: of a mean and of an end of an interval,
# in posterior sds; of an sd, as a share of it.
MEAN, END, SPREAD = 0.05, 0.1, 0.05
# The limit of wide priors: this share of the standard error (the promise of the ordinary engine).
TWFE_SHARE = 2e-3
# The promise for a real panel is 8 s on two cores; this machine may be busy.
SECONDS = 8
PRECISE = Sampler(draws=2000, proposals=2000)

CARDS = {
    "main": {},
    "flat": {"effects": Effects(treatment="common")},
    "by unit": {"effects": Effects(treatment="by_unit"), "covariates": ("x",)},
    "iid": {"effects": Effects(treatment="common"), "errors": Errors("iid")},
    "random walk": {"errors": Errors("random_walk"), "covariates": ("x",)},
    "unit trends": {"effects": Effects(trend="unit_linear")},
    "no pooling": {"effects": Effects(pooling="none")},
    "leads": {"effects": Effects(treatment="event_time", leads=True)},
    "window": {"effects": Effects(leads=True, window=(-3, 2))},
}


def groups_of(n_units, size):
    """Every group of ``size`` units : (assignment, unit)."""
    chosen = list(itertools.combinations(range(n_units), size))
    groups = np.zeros((len(chosen), n_units), dtype=bool)
    for row, group in enumerate(chosen):
        groups[row, list(group)] = True
    return groups


def late_start(panel):
    """The panel with the first years of one unit missing: a gap that no assignment can see."""
    early = (panel["unit"] == "U4") & (panel["period"] < 2003)
    return panel.assign(y=panel["y"].where(~early))


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_each_assignment_has_the_posterior_that_fit_gives_it(changes):
    panel, assignment = make_panel(seed=2, holes=False)
    panel = panel if changes.get("effects", Effects()).leads else late_start(panel)
    analysis = Analysis(panel, assignment, make_card(**changes, sampler=PRECISE))
    groups = groups_of(6, 3)[[0, 7, 12, 19]]
    ours = att_of_assignments(analysis.design, analysis.card, groups, 2006)
    units = analysis.design["unit"].to_numpy()
    for i, group in enumerate(groups):
        changed = analysis.replace(assignment=assignment.swap(units[group], 2006))
        record = att_effect(fit(changed, engine="marginal", pointwise=False)).as_dict()
        sd = record["sd"]
        assert float(ours["mean"][i]) == pytest.approx(record["mean"], abs=MEAN * sd)
        assert float(ours["sd"][i]) == pytest.approx(sd, rel=SPREAD)
        assert float(ours["lower"][i]) == pytest.approx(record["lower"], abs=END * sd)
        assert float(ours["upper"][i]) == pytest.approx(record["upper"], abs=END * sd)
        assert float(ours["p_positive"][i]) == pytest.approx(record["p_positive"], abs=0.02)


def test_with_wide_priors_and_iid_errors_every_assignment_is_its_two_way_estimate():
    panel, assignment = make_panel(seed=3, holes=False)
    card = dataclasses.replace(load_card("twfe_limit"), outcome="y", covariates=("x",))
    design = Analysis(late_start(panel), assignment, card).design
    placebos = permutation(design).placebos
    groups = np.isfinite(placebos["first_treated"].to_numpy())
    ours = att_of_assignments(design, card, groups, 2006)
    twfe = placebos["estimate"].to_numpy()
    assert np.abs(ours["mean"].to_numpy() - twfe).max() < TWFE_SHARE * float(ours["sd"].min())


def test_the_treated_units_of_the_design_do_not_matter():
    panel, assignment = make_panel(seed=4, holes=False)
    groups, card = groups_of(6, 3)[:5], make_card()
    together = att_of_assignments(Analysis(panel, assignment, card).design, card, groups, 2006)
    other = Analysis(panel, assignment.swap(["U1", "U5"], 2004), card)
    assert att_of_assignments(other.design, card, groups, 2006).equals(together)


def test_multiplying_the_outcome_by_100_multiplies_the_answers_by_100_and_constants_change_none():
    panel, assignment = make_panel(seed=5, holes=False)
    card, groups = make_card(), groups_of(6, 3)
    together, other = (
        att_of_assignments(Analysis(changed, assignment, card).design, card, groups, 2006)
        for changed in (panel, panel.assign(y=100 * panel["y"] + 7))
    )
    for name, factor in {"mean": 100, "sd": 100, "lower": 100, "upper": 100, "p_positive": 1}.items():
        assert other[name].to_numpy() == pytest.approx(factor * together[name].to_numpy(), rel=1e-4, abs=1e-6 * factor)


def test_an_assignment_that_the_common_points_miss_gets_its_own():
    panel, assignment = make_panel(seed=6, holes=False)
    card, groups = make_card(sampler=PRECISE), groups_of(6, 3)
    design = Analysis(panel, assignment, card).design
    few, many = (att_of_assignments(design, card, groups, 2006, points=points) for points in (120, 4000))
    assert few["alone"].any()
    assert np.abs(few["mean"] - many["mean"]).max() < 2 * MEAN * float(many["sd"].max())
    assert float(many["alone"].mean()) <= 0.1  # k-hat of 4,000 points passes 0.7 by chance now and then
    assert float(many["khat"].max()) < KHAT_LIMIT
    assert float(many["ess"].min()) >= LEAST_ESS


def test_what_does_not_share_its_columns_is_refused_with_a_reason():
    panel, assignment = make_panel(seed=7, holes=False)
    design = Analysis(panel, assignment, make_card()).design
    groups = groups_of(6, 3)
    for card in (
        make_card(errors=Errors("ar1", "by_unit")),
        make_card(modifiers=("x",)),
        make_card(effects=Effects(period="correlated")),
        make_card(effects=Effects(trend="group_random_walk")),
    ):
        assert not shares_columns(design, card, 2006)
        with pytest.raises(InputError, match='the assignments of the card "test" do not share their columns'):
            att_of_assignments(design, card, groups, 2006)
    holes = panel.assign(y=panel["y"].where((panel["unit"] != "U2") | (panel["period"] != 2008)))
    assert not shares_columns(Analysis(holes, assignment, make_card()).design, make_card(), 2006)
    with pytest.raises(InputError, match=r"groups among 6 units are needed, not \(20, 5\)"):
        att_of_assignments(design, make_card(), groups[:, 1:], 2006)


def test_the_same_seed_gives_the_same_bytes():
    panel, assignment = make_panel(seed=8, holes=False)
    design = Analysis(panel, assignment, make_card()).design
    first, again = (att_of_assignments(design, make_card(), groups_of(6, 3), 2006, seed=1) for _ in range(2))
    assert first["lower"].to_numpy().tobytes() == again["lower"].to_numpy().tobytes()


@pytest.mark.calibration
def test_126_refits_of_the_main_card_take_seconds(within):
    units = [f"U{i}" for i in range(9)]
    assignment = Assignment({unit: 2013 if i < 5 else None for i, unit in enumerate(units)})
    panel, _ = simulate_panel(assignment, range(2003, 2021), rho=0.8, innovation_sd=0.2, seed=9)
    card = dataclasses.replace(load_card("did"), outcome="y")
    design = Analysis(panel, assignment, card).design
    with within(SECONDS):
        posteriors = att_of_assignments(design, card, groups_of(9, 5), 2013)
    assert int(posteriors["alone"].sum()) < 13
