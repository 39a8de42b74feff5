"""Are the shares of verdicts those of a closed form, where posteriors are normal?"""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from bri_bayes.evaluation.verdict_shares import truths, verdict_shares

PANELS = 200_000
# Monte Carlo standard errors that a share may be away.
STANDARD_ERRORS = 4
CLAIMED, SD = 0.3, 0.1


def normal_posteriors(truth: float, rng: np.random.Generator) -> pd.DataFrame:
    """N(m, s^2) with m ~ N(truth, s^2), as for a flat prior."""
    mean = rng.normal(truth, SD, PANELS)
    half = norm.ppf(0.975) * SD
    return pd.DataFrame({"mean": mean, "sd": SD, "lower": mean - half, "upper": mean + half})


@pytest.mark.parametrize("truth", truths(CLAIMED))
def test_shares_of_normal_posteriors_are_their_closed_form(truth, rng):
    shares = verdict_shares(normal_posteriors(truth, rng), np.full(PANELS, True), claimed=CLAIMED, truth=truth)
    critical = norm.ppf(0.975)
    supported = norm.sf(critical - truth / SD)
    # P(> half) < 5% where m < half - 1.64 s, which a supported panel is not: 1.96 s lies above that end here.
    refused = norm.cdf((CLAIMED / 2 - norm.ppf(0.95) * SD - truth) / SD)
    assert CLAIMED / 2 - norm.ppf(0.95) * SD < critical * SD
    for share, expected in ((shares.supported, supported), (shares.not_supported, refused)):
        assert share == pytest.approx(expected, abs=STANDARD_ERRORS * math.sqrt(expected * (1 - expected) / PANELS))
    assert shares.supported + shares.not_supported + shares.cannot_be_told == pytest.approx(1)
    assert 0 < shares.mc_error < 0.002


def test_no_panel_is_supported_where_the_permutation_test_finds_nothing(rng):
    posterior = normal_posteriors(CLAIMED, rng)
    shares = verdict_shares(posterior, np.full(PANELS, False), claimed=CLAIMED, truth=CLAIMED)
    assert shares.supported == 0


def test_a_claim_of_nothing_has_one_truth():
    assert truths(0.0) == (0.0,)
    assert truths(0.2) == (0.0, 0.1, 0.2)
