"""How unequal are incomes? Theil and Gini indices from microdata, from groups, and from a Lorenz curve.

With incomes y_i, weights w_i (persons) that add up to one and the mean mu = sum w_i y_i,

    T = sum w_i (y_i / mu) log(y_i / mu)      0 to log n; a zero income adds nothing
    L = sum w_i log(mu / y_i)                 0 to infinity; every income must be positive
    G = 1 - 2 (area under the Lorenz curve)   0 to 1 - 1/n with equal weights

T and L are in nats, G has no unit (times 100 it is the index that SWIID and the World Bank print). For groups g with
population share p_g, mean m_g and income share s_g = p_g m_g / mu the Theil indices decompose without a remainder,

    T = sum s_g log(s_g / p_g) + sum s_g T_g     L = sum p_g log(p_g / s_g) + sum p_g L_g      (between + within)

Where incomes are lognormal, log y ~ N(., sigma^2), one index gives the others:

    sigma = sqrt(2) z,  z = Phi^-1((G + 1) / 2)        T = L = sigma^2 / 2 = z^2        dT/dG = z / phi(z)

The first sum with the groups urban and rural is the urban-rural Theil index that the paper names.
Sources: Theil (1967), Economics and Information Theory, ch. 4; Shorrocks (1980), Econometrica,
doi:10.2307/1913126; Gini and Lorenz as in Cowell (2011), Measuring Inequality,
doi:10.1093/acprof:osobl/9780199594030.001.0001; the lognormal in Aitchison & Brown (1957), The Lognormal Distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError, suggest

Index = Literal["T", "L"]
Values = Sequence[float] | Array
# Shares are printed with few digits; a larger gap is a mistake.
SHARES_ADD_UP = 1e-6


@dataclass(frozen=True)
class Decomposition:
    """A Theil index in nats: ``total`` = ``between`` + ``within`` groups."""

    between: float
    within: float

    @property
    def total(self) -> float:
        """Between and within together."""
        return self.between + self.within


def theil(incomes: Values, weights: Values | None = None, *, index: Index = "T") -> float:
    """Theil's T or L of ``incomes`` : (n,) with ``weights`` : (n,) persons (None: one each). In nats."""
    _check_index(index)
    y, w = _checked(incomes, weights, positive=index == "L", what="income")
    relative = y / (w @ y)
    if index == "L":
        return float(-w @ np.log(relative))
    return float(w @ (relative * np.log(np.where(relative > 0, relative, 1.0))))


def theil_of_groups(
    means: Values, populations: Values, *, within: Values | None = None, index: Index = "T"
) -> Decomposition:
    """Theil's T or L from group ``means``, group ``populations`` (any unit) and the index ``within`` each group.

    Without ``within`` all of a group have its mean: the between part alone, a lower bound of the whole.
    """
    _check_index(index)
    m, p = _checked(means, populations, positive=index == "L", what="group mean")
    between = theil(m, p, index=index)
    if within is None:
        return Decomposition(between, 0.0)
    inside = np.asarray(within, dtype=float)
    if inside.shape != m.shape or not (np.isfinite(inside) & (inside >= 0)).all():
        raise InputError(f"the index within groups needs one number of at least 0 for each of {m.size} groups")
    share = p * m / (p @ m) if index == "T" else p
    return Decomposition(between, float(share @ inside))


def gini(incomes: Values, weights: Values | None = None) -> float:
    """The Gini index of ``incomes`` : (n,) with ``weights`` : (n,) persons, 0 to 1.

    Half the mean absolute difference of two persons drawn with replacement, over the mean. For group means it is the
    index between groups: a lower bound, as all of a group have its mean.
    """
    y, w = _checked(incomes, weights, positive=False, what="income")
    order = np.argsort(y, kind="stable")
    return gini_of_lorenz(np.cumsum(w[order]), np.cumsum((w * y)[order] / (w @ y)))


def gini_of_lorenz(population: Values, income: Values) -> float:
    """The Gini index from points of a Lorenz curve, joined by straight lines: a lower bound, 0 to 1.

    ``population``, ``income`` : (n,) cumulative shares, poorest first; (0, 0) and (1, 1) are added where absent.
    """
    p, s = (np.asarray(values, dtype=float) for values in (population, income))
    if p.shape != s.shape or p.ndim != 1 or p.size == 0:
        raise InputError(f"the Lorenz curve has {p.size} population and {s.size} income shares; give pairs")
    for values, what in ((p, "population"), (s, "income")):
        if not (np.isfinite(values).all() and (values >= -SHARES_ADD_UP).all() and (values <= 1 + SHARES_ADD_UP).all()):
            raise InputError(f"the cumulative {what} shares of a Lorenz curve lie between 0 and 1")
    p, s = np.concatenate([[0.0], p, [1.0]]), np.concatenate([[0.0], s, [1.0]])
    steps, gains = np.diff(p), np.diff(s)
    if (steps < -SHARES_ADD_UP).any() or (gains < -SHARES_ADD_UP).any():
        raise InputError("the cumulative shares of a Lorenz curve must not fall")
    # Slopes must not fall: cross products avoid dividing by an empty step.
    if (gains[1:] * steps[:-1] < gains[:-1] * steps[1:] - SHARES_ADD_UP).any():
        raise InputError("the Lorenz curve is not convex: sort the groups from the poorest to the richest")
    return float(1 - steps @ (s[1:] + s[:-1]))


def theil_of_lognormal(gini_index: Values, standard_error: Values) -> tuple[Array, Array]:
    """Theil's index of lognormal incomes from their Gini ``gini_index`` : (n,), at least 0 and below 1, and its error.

    The standard error is that of the delta method, |dT/dG| times ``standard_error`` : (n,). NaN stays NaN. In nats.
    """
    g, se = np.asarray(gini_index, dtype=float), np.asarray(standard_error, dtype=float)
    if g.shape != se.shape:
        raise InputError(f"{se.size} standard errors for {g.size} Gini indices; give one an index")
    if (g < 0).any() or (g >= 1).any() or (se < 0).any():
        raise InputError("a Gini index lies between 0 and 1 (1 left out) and its standard error is not negative")
    z = ndtri((g + 1) / 2)
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    return z**2, z / density * se


def _check_index(index: str) -> None:
    if index not in ("T", "L"):
        raise InputError(f'the Theil index "{index}" is unknown; {suggest(index, ("T", "L"))}')


def _checked(values: Values, weights: Values | None, *, positive: bool, what: str) -> tuple[Array, Array]:
    """Values : (n,) and weights : (n,) that add up to one."""
    y = np.asarray(values, dtype=float)
    w = np.ones(y.shape) if weights is None else np.asarray(weights, dtype=float)
    if y.ndim != 1 or y.size == 0:
        raise InputError(f"inequality needs a list with at least one {what}")
    if w.shape != y.shape:
        raise InputError(f"{w.size} weights for {y.size} values; give one a value")
    if not np.isfinite(y).all() or not np.isfinite(w).all():
        raise InputError(f"a {what} or a weight is missing; leave such rows out")
    if (w < 0).any() or w.sum() <= 0:
        raise InputError(f"weights are persons: none may be negative and one must be positive, not {w.min():g}")
    kept = w > 0
    y, w = y[kept], w[kept] / w[kept].sum()
    if (y < 0).any() or (positive and (y == 0).any()) or w @ y <= 0:
        allowed = "must be positive for L" if positive else "must not be negative, and one must be positive"
        raise InputError(f"the smallest {what} is {y.min():g}; every {what} {allowed}")
    return y, w
