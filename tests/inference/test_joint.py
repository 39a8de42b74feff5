"""Two outcomes at once: against brute force, against each alone, against NUTS, and the correlation that was planted."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from bri_bayes.core.errors import InputError
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.linear_terms import build_terms
from bri_bayes.estimands.effects import att
from bri_bayes.inference import fit
from bri_bayes.inference.hyperparameters import hyperparameters
from bri_bayes.inference.joint import CORRELATION, JointSpace, fit_jointly, joint_model, stacked_rows
from bri_bayes.inference.linear_estimands import effect_functionals
from bri_bayes.models.joint import build_joint
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.model_card import Effects, Errors, Shocks

from .integrated import Integrated
from .panels import make_card, make_panel

# Rounding of two ways to the same sum of some hundred terms.
ROUNDING = 1e-8
# The same with a precision as wide as the priors of levels.
INTEGRATED = 1e-6
# The search for the mode ends where steps are small: repeated on another scale it agrees to this.
REPEATED = 1e-4
# Four Monte Carlo errors of a mean of some thousand draws, as a share of the sd.
MEAN_SHARE, SD_SHARE = 0.13, 0.12


def two_outcomes(seed=1, correlation=0.0, **panel):
    """A panel with ``y`` and ``y2``, whose errors have the given correlation of innovations at equal persistence."""
    first, assignment = make_panel(seed=seed, effect=0.0, **panel)
    second, _ = make_panel(seed=seed + 1000, effect=0.0, **panel)
    mixed = correlation * first["y"] + np.sqrt(1 - correlation**2) * second["y"]
    return first.assign(y=first["y"].where(mixed.notnull()), y2=mixed), assignment


def pair(panel, assignment, **card):
    analysed = Analysis(panel, assignment, make_card(**card))
    return analysed, analysed.replace(card=dataclasses.replace(analysed.card, outcome="y2"))


def dense_log_density(terms, structure, hyper):
    """log N of both outcomes stacked, with the covariance of the errors written from their autocovariance."""
    n, unit, t = terms[0].y.size, terms[0].unit_ix, terms[0].period
    s = [hyper["sigma 0"], hyper["sigma 1"]]
    rho = [hyper.get("rho 0", 0.0), hyper.get("rho 1", 0.0)]
    r = np.array([[1.0, hyper[CORRELATION]], [hyper[CORRELATION], 1.0]])
    covariance = np.zeros((2 * n, 2 * n))
    for a in (0, 1):
        for b in (0, 1):
            lag = t[:, None] - t[None, :]
            if structure == "iid":
                of_errors = (lag == 0).astype(float)
            elif structure == "ar1":
                of_errors = np.where(lag > 0, rho[a] ** np.abs(lag), rho[b] ** np.abs(lag)) / (1 - rho[a] * rho[b])
            else:
                starts = np.array([t[unit == i].min() for i in unit])
                of_errors = np.minimum(t[:, None], t[None, :]) - starts[:, None] + 1
            block = r[a, b] * s[a] * s[b] * of_errors * (unit[:, None] == unit[None, :])
            covariance[a * n : (a + 1) * n, b * n : (b + 1) * n] = block
    for which, analysed in enumerate(terms):
        columns = [
            (np.eye(int(unit.max()) + 1)[unit] * c[:, None], b.scale) for b in analysed.per_unit for c in b.columns.T
        ]
        columns += [(block.columns, block.scale) for block in analysed.shared]
        for Z, scale in columns:
            variance = (hyper[f"{scale} {which}"] if isinstance(scale, str) else scale) ** 2
            rows = slice(which * n, (which + 1) * n)
            covariance[rows, rows] += variance * Z @ Z.T
    y = np.concatenate([analysed.y for analysed in terms])
    return multivariate_normal(np.zeros(2 * n), covariance, allow_singular=True).logpdf(y)


@pytest.mark.parametrize("structure", ["iid", "ar1", "random_walk"])
def test_the_joint_likelihood_is_the_multivariate_normal_density(structure):
    panel, assignment = two_outcomes(correlation=0.5)
    analyses = pair(panel, assignment, errors=Errors(structure), priors=Priors(unit=1.0, period=1.0))
    terms = tuple(build_terms(a.design, a.card) for a in analyses)
    space = JointSpace(tuple(hyperparameters(t, a.card) for t, a in zip(terms, analyses, strict=True)), 2.0)
    start = space.start()
    vectors = start + np.random.default_rng(0).normal(0, 0.4, (3, start.size))
    values = space.values(vectors)
    ours = joint_model(terms, structure, space).conditional(values).log_density
    for draw in range(3):
        dense = dense_log_density(terms, structure, {name: value[draw] for name, value in values.items()})
        assert ours[draw] == pytest.approx(dense, abs=ROUNDING * abs(dense) + 1e-6)


def test_the_prior_of_the_correlation_is_a_density():
    space = JointSpace((), 3.0)
    x = np.linspace(-9, 9, 20_001)[:, None]
    assert np.trapezoid(np.exp(space.log_prior(x)), x[:, 0]) == pytest.approx(1.0, abs=1e-6)


def test_at_correlation_zero_the_joint_likelihood_is_the_product_of_the_two():
    panel, assignment = two_outcomes()
    analyses = pair(panel, assignment)
    joint = fit_jointly(*analyses, seed=3, shape=1e6)  # a prior that is zero in all but name
    alone = [fit(a, seed=3, pointwise=False) for a in analyses]
    assert joint.log_marginal == pytest.approx(sum(f.log_marginal for f in alone), abs=0.1)
    for together, single in zip(joint.fits, alone, strict=True):
        assert float(att(together).mean()) == pytest.approx(
            float(att(single).mean()), abs=0.1 * float(att(single).std())
        )
        assert float(att(together).std()) == pytest.approx(float(att(single).std()), rel=SD_SHARE)


def test_multiplying_an_outcome_by_100_multiplies_its_att_by_100_and_leaves_the_other_and_the_correlation():
    panel, assignment = two_outcomes(correlation=0.6)
    before = fit_jointly(*pair(panel, assignment), seed=5)
    after = fit_jointly(*pair(panel.assign(y2=100 * panel["y2"]), assignment), seed=5)
    assert att(after.fits[1]).to_numpy() == pytest.approx(
        100 * att(before.fits[1]).to_numpy(), rel=REPEATED, abs=REPEATED
    )
    assert att(after.fits[0]).to_numpy() == pytest.approx(att(before.fits[0]).to_numpy(), abs=REPEATED)
    assert after.correlation.to_numpy() == pytest.approx(before.correlation.to_numpy(), abs=REPEATED)


def test_a_planted_correlation_is_found_and_its_sign_follows_the_outcome():
    panel, assignment = two_outcomes(correlation=0.8, n_units=10, n_periods=20, holes=False)
    joint_fit = fit_jointly(*pair(panel, assignment), seed=1)
    assert float(joint_fit.correlation.mean()) == pytest.approx(0.8, abs=0.1)
    turned = fit_jointly(*pair(panel.assign(y2=-panel["y2"]), assignment), seed=1)
    assert float(turned.correlation.mean()) == pytest.approx(-float(joint_fit.correlation.mean()), abs=0.02)


def test_rows_that_only_one_outcome_has_are_left_out_of_both():
    panel, assignment = two_outcomes(holes=False)
    panel["y2"][{"unit": 0, "period": 3}] = np.nan
    joint = fit_jointly(*pair(panel, assignment))
    assert [f.design.sizes["obs"] for f in joint.fits] == [59, 59]


def test_different_errors_or_other_likelihoods_are_refused():
    panel, assignment = two_outcomes()
    analysed, two = pair(panel, assignment)
    with pytest.raises(InputError, match="one error structure"):
        fit_jointly(analysed, two.replace(card=dataclasses.replace(two.card, errors=Errors("iid"))))
    with pytest.raises(InputError, match="normal errors of a common scale"):
        fit_jointly(analysed.replace(card=dataclasses.replace(analysed.card, errors=Errors("ar1", "by_unit"))), two)
    for change in ({"shocks": Shocks("like_errors")}, {"errors": Errors("ar1_noise")}):
        with pytest.raises(InputError, match="no noise, no shared shocks"):
            fit_jointly(analysed.replace(card=dataclasses.replace(analysed.card, **change)), two)


def test_the_pymc_model_has_the_same_joint_density_and_the_same_effects(rng):
    """Given the hyperparameters, to rounding; both are written from the equation, apart."""
    panel, assignment = two_outcomes(seed=4, correlation=0.6, holes=False)
    analyses = pair(panel, assignment, effects=Effects(treatment="common"))
    terms = tuple(build_terms(a.design, a.card) for a in analyses)
    space = JointSpace(tuple(hyperparameters(t, a.card) for t, a in zip(terms, analyses, strict=True)), 2.0)
    x = space.start() + rng.normal(0, 0.4, (3, space.start().size))
    hyper = space.values(x)
    assert list(hyper) == ["sigma 0", "rho 0", "sigma 1", "rho 1", CORRELATION]
    conditional = (model := joint_model(terms, "ar1", space)).conditional(hyper)
    # On the natural scale: sigma = exp(x), the others are 2 Phi(x) - 1.
    ours = (
        conditional.log_density
        + space.log_prior(x)
        - x[:, [0, 2]].sum(axis=1)
        - norm.logpdf(x[:, [1, 3, 4]]).sum(axis=1)
    )
    outside = {f"sigma_{a}": hyper[f"sigma {a}"] for a in (0, 1)} | {"half": (hyper[CORRELATION] + 1) / 2}
    outside |= {f"share_{a}": (hyper[f"rho {a}"] + 1) / 2 for a in (0, 1)}
    sampled = Integrated(build_joint(tuple(a.design for a in analyses), analyses[0].card, 2.0), set(outside))
    answers = [sampled.given({name: value[at] for name, value in outside.items()}, rng) for at in range(3)]
    theirs = np.array([answer.log_density for answer in answers])
    assert theirs - ours == pytest.approx(np.full(3, theirs[0] - ours[0]), abs=INTEGRATED)
    for a, rows in enumerate(stacked_rows(terms[0].unit_ix)):
        weight = np.zeros((1, model.terms.y.size))
        weight[0, rows[np.flatnonzero(analyses[a].design["treated"].to_numpy())[0]]] = 1.0
        mean, sd = conditional.moments(effect_functionals(model.terms, weight, f" {a}"))
        assert mean[:, 0] == pytest.approx([answer.mean[f"effect_{a}"] for answer in answers], abs=INTEGRATED)
        assert sd[:, 0] == pytest.approx([answer.sd[f"effect_{a}"] for answer in answers], abs=INTEGRATED)


def test_hyperparameters_however_extreme_divide_by_nothing():
    analyses = pair(*two_outcomes())
    terms = tuple(build_terms(a.design, a.card) for a in analyses)
    space = JointSpace(tuple(hyperparameters(t, a.card) for t, a in zip(terms, analyses, strict=True)), 2.0)
    model = joint_model(terms, "ar1", space)
    noise = np.random.default_rng(0).standard_normal((40, space.start().size))
    for reach in (3.0, 100.0):
        assert not np.isposinf(model.log_posterior(space.start() + reach * noise)).any()
