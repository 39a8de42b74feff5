"""Which draws does ArviZ ask for? The groups of a fit with those of its prior."""

from __future__ import annotations

import xarray as xr

from bri_bayes.checks.log_priors import log_priors
from bri_bayes.core.names import DRAW
from bri_bayes.design.analysis import Fit
from bri_bayes.estimands.effects import att
from bri_bayes.inference.prior import prior_fit


def inference_tree(fit: Fit, seed: int) -> xr.DataTree:
    """The fit's groups with the ATT among its variables; of a normal card prior, prior_predictive and log_prior, too.

    ``prior`` has as many draws as the posterior. Attributes are text and numbers, so that ``to_netcdf`` takes the tree.
    """
    groups = {name: node.to_dataset(inherit=False) for name, node in fit.posterior.children.items()}
    groups["posterior"] = groups["posterior"].assign(att=att(fit))
    if fit.analysis.card.is_marginal and "posterior_predictive" in groups:
        posterior = groups["posterior"]
        prior = prior_fit(fit.analysis, posterior.sizes["chain"] * posterior.sizes[DRAW], seed)
        expected = {name: node.to_dataset(inherit=False) for name, node in prior.posterior.children.items()}
        groups["prior"] = expected["posterior"].assign(att=att(prior))
        groups["prior_predictive"] = expected["posterior_predictive"]
        groups["log_prior"] = log_priors(fit)
    for dataset in groups.values():
        dataset.attrs = {
            name: value if isinstance(value, str | int | float) else str(value) for name, value in dataset.attrs.items()
        }
    return xr.DataTree.from_dict(groups)
