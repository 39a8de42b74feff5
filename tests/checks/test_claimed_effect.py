"""Does the rule of a claimed effect do what it says, for one panel and for many?"""

import numpy as np
import pytest

from bri_bayes.checks.claimed_effect import judge_effect

CLAIMED = 0.2


def judged(mean: float, sd: float, *, rejected: bool, claimed: float = CLAIMED):
    half = 1.96 * sd
    numbers = {"mean": mean, "sd": sd, "lower": mean - half, "upper": mean + half}
    return judge_effect(
        claimed, **{name: np.array([it]) for name, it in numbers.items()}, rejected=np.array([rejected])
    )


@pytest.mark.parametrize(
    ("mean", "sd", "rejected", "supported", "refused"),
    [
        (0.2, 0.05, True, True, False),
        (0.2, 0.05, False, False, False),  # the permutation test does not say so
        (0.2, 0.2, True, False, False),  # wide
        (0.0, 0.05, False, False, True),  # half of the claim is improbable
        (-0.2, 0.05, True, False, True),
        (0.05, 0.02, True, True, False),  # above zero counts, small as it is
    ],
)
def test_a_verdict_needs_what_its_rule_names(mean, sd, rejected, supported, refused):
    answer = judged(mean, sd, rejected=rejected)
    assert (bool(answer.supported[0]), bool(answer.refused[0])) == (supported, refused)


def test_a_negative_claim_is_judged_with_the_signs_turned():
    for mean in (-0.3, -0.2, 0.0, 0.2):
        turned, as_it_is = judged(-mean, 0.05, rejected=True, claimed=-CLAIMED), judged(mean, 0.05, rejected=True)
        assert turned.p_part == pytest.approx(as_it_is.p_part)
        assert (turned.supported[0], turned.refused[0]) == (as_it_is.supported[0], as_it_is.refused[0])
