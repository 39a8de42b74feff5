"""What do the usual frequentist procedures say about the same design?"""

from __future__ import annotations

from bri_bayes.core.names import WEIGHT
from bri_bayes.design.design import Design
from bri_bayes.frequentist.collapsed import collapsed_t
from bri_bayes.frequentist.estimate import Estimate
from bri_bayes.frequentist.few_clusters import wild_cluster_bootstrap
from bri_bayes.frequentist.imputation import imputation_estimate
from bri_bayes.frequentist.poisson_rows import ppml_rows
from bri_bayes.frequentist.resampling import Permutation, permutation
from bri_bayes.frequentist.twfe import (
    EventStudy,
    TwoWayFit,
    cluster_estimate,
    crv3_estimate,
    event_study,
    fit_twfe,
    iid_estimate,
)
from bri_bayes.frequentist.weighted_twfe import weighted_rows

__all__ = [
    "Estimate",
    "EventStudy",
    "Permutation",
    "TwoWayFit",
    "cluster_estimate",
    "collapsed_t",
    "crv3_estimate",
    "event_study",
    "fit_twfe",
    "frequentist_rows",
    "iid_estimate",
    "imputation_estimate",
    "permutation",
    "ppml_rows",
    "wild_cluster_bootstrap",
]


def frequentist_rows(design: Design, *, seed: int = 0) -> list[Estimate]:
    """Two-way fixed effects under five ways to judge them, the collapsed t test and imputation; always these rows.

    twfe/iid, twfe/cluster, twfe/cluster_crv3, twfe/wild_cluster_bootstrap, twfe/permutation, collapsed/t,
    imputation/wild_cluster_bootstrap. The twfe rows share their estimate; where onsets differ, that of imputation is
    the quantity of the posterior. ``seed`` matters only beyond 12 units and 10,000 assignments.
    A design with weights has weighted twfe/iid and twfe/cluster alone: the other tests are not made for weights.
    """
    if WEIGHT in design:
        return weighted_rows(design)
    fit = fit_twfe(design)
    return [
        iid_estimate(fit),
        cluster_estimate(fit),
        crv3_estimate(fit),
        wild_cluster_bootstrap(design, seed=seed),
        permutation(design, seed=seed).estimate,
        collapsed_t(design),
        imputation_estimate(design, seed=seed),
    ]
