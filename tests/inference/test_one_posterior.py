"""The model that is sampled and the closed form are one density, to rounding, given any hyperparameters."""

import numpy as np
import pytest
from scipy.stats import beta

from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.collapsed import Collapsed
from bri_bayes.inference.conditional import Coefficients
from bri_bayes.inference.hyperparameters import reported
from bri_bayes.inference.marginal import by_block, to_parameters
from bri_bayes.inference.to_datatree import _DIMS as REPORTED
from bri_bayes.models.linear import build_linear
from bri_bayes.study.model_card import Contamination, Effects, Errors, Shocks

from .integrated import Integrated
from .panels import make_card, make_panel

# Two ways to the same sums of some hundred terms, one with a precision as wide as the priors of levels.
ROUNDING = 1e-6
POINTS = 2
EXPOSED = {"U3": 2007, "U4": 2008}

CARDS = {
    "by_unit_event_time ar1": {},
    "random walk, covariate, trends": {
        "errors": Errors("random_walk"),
        "covariates": ("x",),
        "effects": Effects(treatment="event_time", trend="unit_linear"),
    },
    "scale by unit, correlated periods, modifier slopes by unit": {
        "errors": Errors("iid", "by_unit"),
        "effects": Effects(treatment="by_unit", period="correlated", modifier_slopes="by_unit"),
        "modifiers": ("x",),
    },
    "drift of the treated group": {
        "errors": Errors("iid"),
        "effects": Effects(treatment="event_time", trend="group_random_walk"),
    },
    "noise": {"errors": Errors("ar1_noise"), "effects": Effects(treatment="event_time")},
    "shocks like errors, noise": {
        "errors": Errors("ar1_noise"),
        "shocks": Shocks("like_errors"),
        "effects": Effects(treatment="common"),
    },
    "shocks that walk, scale by unit": {
        "errors": Errors("iid", "by_unit"),
        "shocks": Shocks("random_walk"),
        "effects": Effects(treatment="common"),
    },
    "shocks of their own memory": {"shocks": Shocks("ar1"), "effects": Effects(treatment="common")},
    "leads without pooling": {
        "effects": Effects(treatment="by_unit_event_time", pooling="none", leads=True, window=(-3, 3)),
        "errors": Errors("iid"),
    },
    "a learned share of exposed controls": {"errors": Errors("iid"), "contamination": Contamination(EXPOSED, None)},
    "a known share of exposed controls": {"errors": Errors("iid"), "contamination": Contamination(EXPOSED, 0.5)},
}


def given_each(model: Collapsed, hyper: dict[str, np.ndarray], at: int) -> tuple[Coefficients, Coefficients]:
    """Means of the coefficients given y at one point, (1, ...), and the columns of a root of their covariance."""
    conditional = model.conditional({name: value[at : at + 1] for name, value in hyper.items()})
    shapes = [level.shape[1:] for level in conditional.outcome]
    sizes = [int(np.prod(shape)) for shape in shapes]
    columns = np.split(np.eye(sum(sizes)), np.cumsum(sizes)[:-1], axis=1)
    noise = [level.reshape(sum(sizes), *shape) for level, shape in zip(columns, shapes, strict=True)]
    mirrored = conditional.draw(np.zeros(sum(sizes), dtype=int), Coefficients(*noise))
    return Coefficients(*(level[:, :1].mean(axis=0) for level in mirrored)), Coefficients(*(m[0] for m in mirrored))


@pytest.mark.parametrize("changes", CARDS.values(), ids=CARDS.keys())
def test_the_sampled_model_and_the_closed_form_have_one_density_and_one_mean_and_sd_of_everything(changes, rng):
    analysis = Analysis(*make_panel(seed=2), make_card(**changes))
    design, card = analysis.design, analysis.card
    closed = Collapsed.build(design, card)
    vectors = closed.space.start() + rng.normal(0, 0.4, (POINTS, closed.space.dimension))
    hyper = closed.space.values(vectors)
    ours = closed.conditional(hyper).log_density + closed.space.log_density(hyper)
    if "kappa" in hyper:
        ours = ours + beta.logpdf(hyper["kappa"], *card.contamination.prior)
    outside = dict(hyper) | {f"{name}_share": (hyper[name] + 1) / 2 for name in ("rho", "shock_rho") if name in hyper}
    if "sigma_unit" in hyper:
        outside["log_sigma_raw"] = np.log(hyper["sigma_unit"] / hyper["sigma"][:, None]) / card.priors.sigma_spread
    model = build_linear(design, card)
    sampled = Integrated(model, set(outside))
    theirs = []
    for at in range(POINTS):
        answer = sampled.given({name: value[at] for name, value in outside.items()}, rng)
        theirs.append(answer.log_density)
        scalars = {name: value[at : at + 1] for name, value in reported(hyper).items()}
        mean, columns = (
            to_parameters(design, card, _repeated(scalars, level) | _named(closed, level))
            for level in given_each(closed, hyper, at)
        )
        assert set(mean) == set(model.named_vars) & set(REPORTED)
        for name in set(mean) - set(scalars):
            spread = answer.sd[name]
            sd = np.sqrt(((columns[name] - mean[name]) ** 2).sum(axis=0))
            assert sd == pytest.approx(spread, rel=ROUNDING, abs=ROUNDING), name
            assert mean[name][0] == pytest.approx(answer.mean[name], abs=ROUNDING * max(1.0, spread.max())), name
    # Equal but for a constant, of which no hyperparameter is a part.
    assert theirs - ours == pytest.approx(np.full(POINTS, theirs[0] - ours[0]), abs=ROUNDING)


def _repeated(scalars, level):
    return {name: np.repeat(value, len(level.shared), axis=0) for name, value in scalars.items()}


def _named(model, level):
    terms = model.terms
    values = {}
    for blocks, coefficients in zip((terms.per_unit, terms.grouped, terms.shared), level, strict=True):
        values |= by_block(blocks, coefficients)
    return values
