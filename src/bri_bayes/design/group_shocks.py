"""What does a card say that the units of a group share? Columns of group-by-period shocks, and how they hang together.

    shock_gt = psi c_gt,  c_g a process with innovations of sd sigma, that of a unit's error

so psi = ``shock_ratio`` is the sd of a shock's innovation against that of a unit's error, and where the process is
that of the errors (``like_errors``) psi^2 / (1 + psi^2) is the correlation of the errors of two units of one group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.arrays import Array, Index
from bri_bayes.design.design import Design
from bri_bayes.design.error_process import process_covariance
from bri_bayes.study.model_card import ModelCard

SHOCK, RATIO = "shock", "shock_ratio"


@dataclass(frozen=True, eq=False)
class ShockProcess:
    """The shocks of a group over the ``periods`` (T,) of the panel, for psi = 1."""

    structure: str
    rho: str
    periods: Array
    names: tuple[str, ...] = ()

    def covariance(self, hyper: Mapping[str, Array]) -> Array:
        """(B, T, T)."""
        sigma = hyper["sigma"]
        rho, noise = hyper.get(self.rho, np.zeros(sigma.size)), hyper.get("noise", np.zeros(sigma.size))
        return process_covariance(self.structure, sigma, self.periods, rho, noise)

    def precision(self, hyper: Mapping[str, Array]) -> Array:
        """(B, T, T)."""
        return np.asarray(np.linalg.inv(self.covariance(hyper)))


def shock_process(design: Design, card: ModelCard) -> ShockProcess:
    """The process of the card's shocks on the periods of ``design``."""
    periods = design["period"].to_numpy().astype(float)
    if card.shocks.process == "ar1":
        return ShockProcess("ar1", "shock_rho", periods, ("shock_rho",))
    like_errors = card.shocks.process == "like_errors"
    return ShockProcess(card.errors.structure if like_errors else card.shocks.process, "rho", periods)


def shock_columns(design: Design) -> tuple[Array, Index]:
    """A column a period (obs, T), zero in rows of units without a group; and the group of each unit (unit,).

    Units without a group make a last group of their own, whose shocks meet no row.
    """
    group_ix = design["group_ix"].to_numpy()
    columns = np.eye(design.sizes["period"])[design["period_ix"].to_numpy()]
    columns[group_ix[design["unit_ix"].to_numpy()] < 0] = 0.0
    return columns, np.where(group_ix < 0, design.sizes["group"], group_ix)
