"""A fit that fails its diagnostics must not move the curve, and many of them must fail the command."""

import numpy as np
import pytest

from bri_bayes.checks.refits import Refit
from bri_bayes.checks.specifications import Choices, FittedSpecification
from bri_bayes.core.effect import Effect
from bri_bayes.report.sections.section import Context
from bri_bayes.report.sections.speccurve import MOST_UNRELIABLE, UNRELIABLE, collect
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import load_study


def record(mean, *, trustworthy, errors):
    fit = Refit(Effect(mean, 0.1, mean - 0.2, mean + 0.2, 0.5), "marginal", 900.0, 0.2, 1.0, 90, None, trustworthy)
    choices = Choices(["MNG"], "fixed", errors, "none", 2013, "none")
    return FittedSpecification(**vars(fit), choices=choices, units=6, periods=18, filled=0)


@pytest.mark.parametrize(("failing", "fails"), [(1, False), (5, True)])
def test_an_unreliable_fit_is_left_out_with_its_reason_and_a_share_of_them_fails_the_gate(failing, fails):
    study = load_study(None)
    context = Context(study, study.load(), {"did": load_card("did")})
    rng = np.random.default_rng(0)
    good = [record(float(rng.normal()), trustworthy=True, errors=("iid", "ar1")[i % 2]) for i in range(100)]
    bad = [record(99.0, trustworthy=False, errors="ar1") for _ in range(failing)]
    finished = {(outcome, "fits", "1"): [*good, *bad] for outcome in study.outcomes}
    values = collect(context, finished).as_dict()
    for outcome in values["outcomes"].values():
        assert len(outcome["specifications"]) == len(good)
        assert max(fit_of["att"]["mean"] for fit_of in outcome["specifications"]) < 99
        assert [fit_of["left_out"] for fit_of in outcome["left_out"]] == [UNRELIABLE] * failing
    assert bool(values["failed_gates"]) is fails
    assert 1 / 101 < MOST_UNRELIABLE < 5 / 105
