"""Which exports give Table 2 its means and spreads, before matching and after it?

Growth, volatility and size of a unit before the policy are the mean and the sd of its yearly log changes of exports,
and its mean log exports in dollars. The paper defines none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.paper.matching import matching_plan
from bri_bayes.paper.rebuild.matched import Matching, years_before
from bri_bayes.paper.rebuild.rows import Rows, generator
from bri_bayes.paper.tables import Published

GROWTH, VOLATILITY, SIZE = "export_growth", "export_volatility", "export_size_log"
VARIABLES = (GROWTH, VOLATILITY, SIZE)
MILLION = 1e6
# Where the search for a shape starts, and its bounds: a factor of 20, and a trend of 0.6 a year.
_START, _BOUNDS = np.array([0.3, 0.4, 0.5, -0.5, 0.0, 0.2]), np.array([3.0, 3.0, 3.0, 3.0, 3.0, 0.6])
# Steps of the search for spreads, and the miss at which it has them: far below half a unit of a printed digit.
_EVALUATIONS, _TOLERANCE = 200, 1e-9


@dataclass(frozen=True)
class Shape:
    """How errors of exports differ over units, beyond one AR(1) process: logs of scales, and a spread of trends.

    ``treated``, ``controls`` : of the group before the policy; ``each_unit`` : of each unit, times a normal draw;
    ``matched`` : of controls, times their share in the matches; ``off_support`` : of treated units without one;
    ``trend`` : sd of the yearly trend of a unit that ends with the policy.
    """

    treated: float = 0.0
    controls: float = 0.0
    each_unit: float = 0.0
    matched: float = 0.0
    off_support: float = 0.0
    trend: float = 0.0


@dataclass(frozen=True, eq=False)
class Balance:
    """What Table 2 asks of exports on these rows, with these matches."""

    published: Published
    rows: Rows
    matching: Matching

    @cached_property
    def groups(self) -> dict[tuple[str, str], Array]:
        """Weights (unit,) of sum 1 by sample ("before" or "after" matching) and group."""
        ever, weights = self.rows.ever_treated, self.matching.weights(matching_plan().balance)
        raw = {
            ("before", "treated"): ever.astype(float),
            ("before", "control"): (~ever).astype(float),
            ("after", "treated"): weights * ever,
            ("after", "control"): weights * ~ever,
        }
        return {key: values / values.sum() for key, values in raw.items()}

    @property
    def growth(self) -> float:
        """The mean growth over all units before the policy."""
        share = self.rows.ever_treated.mean()
        means = [self.printed(GROWTH, group, "before") for group in ("treated", "control")]
        return float(share * means[0] + (1 - share) * means[1])

    @property
    def first_and_last(self) -> Array:
        """(period,) yearly growth of a series before the policy is its sum of products with this."""
        before = years_before(self.published, self.rows)
        column = np.zeros(len(self.rows.years))
        steps = before.stop - before.start - 1
        column[before.start], column[before.stop - 1] = -1 / steps, 1 / steps
        return column

    def printed(self, variable: str, group: str, sample: str) -> float:
        """A mean of Table 2. The matched controls' is moved within its rounding towards the printed bias."""
        mean = self.published.descriptive(2, variable, f"{group}_mean", sample)
        if (group, sample) != ("control", "after"):
            return mean.value
        bias = self.published.descriptive(2, variable, "bias_pct", "after").value / 100
        wanted = self.printed(variable, "treated", "after") - bias * self.spread(variable)
        low, high = mean.interval
        near = 0.1 * (high - low)
        return float(np.clip(wanted, low + near, high - near))

    def spread(self, variable: str) -> float:
        """The pooled standard deviation that means and bias of Table 2 imply, before matching."""
        gap = self.printed(variable, "treated", "before") - self.printed(variable, "control", "before")
        return abs(gap) / abs(self.published.descriptive(2, variable, "bias_pct", "before").value / 100)

    def differences(self, variable: str) -> tuple[Array, Array]:
        """Weights (difference, unit) of sum zero, and what they give: treated less controls before matching; treated
        after less before; controls after less before. A difference that no weights can give is left out."""
        g = self.groups
        pairs = (
            (("before", "treated"), ("before", "control")),
            (("after", "treated"), ("before", "treated")),
            (("after", "control"), ("before", "control")),
        )
        kept = [(a, b) for a, b in pairs if np.abs(g[a] - g[b]).max() > 0]
        values = [self.printed(variable, a[1], a[0]) - self.printed(variable, b[1], b[0]) for a, b in kept]
        return np.stack([g[a] - g[b] for a, b in kept]), np.array(values)

    def growth_conditions(self) -> tuple[Array, Array]:
        """Rows (condition, unit, period) whose products with log exports are the differences of growth."""
        weights, values = self.differences(GROWTH)
        return weights[:, :, None] * self.first_and_last, values

    def noise(self, draws: Array, shape: Shape) -> Array:
        """AR(1) draws : (unit, period) with this shape; those of the nine countries stay as they are."""
        rows, before = self.rows, years_before(self.published, self.rows)
        rng = generator(12)
        scales, trend = rng.normal(size=(2, len(rows.units)))
        share = self.groups["after", "control"]
        off = rows.ever_treated & (self.groups["after", "treated"] == 0)
        scale = np.exp(shape.each_unit * scales + shape.matched * share / share.max() + shape.off_support * off)
        early = np.exp(np.where(rows.ever_treated, shape.treated, shape.controls))
        values = draws * scale[:, None]
        values[:, before] *= early[:, None]
        ramp = np.minimum(np.arange(len(rows.years)) - float(before.stop - 1), 0.0)
        values = values + shape.trend * trend[:, None] * ramp
        return np.where(rows.is_country[:, None], draws, values)

    def shaped(self, exports: Callable[[Shape], Array]) -> Array:
        """Log exports with the volatilities of Table 2 and the spreads of growth and volatility, as near as can be.

        ``exports`` : log exports (unit, period), but for the level of a unit, with errors of a shape. The six numbers
        of a shape answer to six numbers of the table; where they cannot, the nearest that was found is returned.
        """
        from scipy.optimize import least_squares

        def missing(numbers: Array) -> Array:
            return self._missing(exports(Shape(*map(float, numbers))))

        solution = least_squares(
            missing,
            _START,
            bounds=(-_BOUNDS * [1, 1, 1, 1, 1, 0], _BOUNDS),
            max_nfev=_EVALUATIONS,
            ftol=_TOLERANCE,
            xtol=_TOLERANCE,
        )
        return exports(Shape(*map(float, solution.x)))

    def _missing(self, exports: Array) -> Array:
        """The six numbers of Table 2 less those of these exports, in shares of them."""
        units = unit_statistics(exports, years_before(self.published, self.rows))
        volatility = units[VOLATILITY]
        means = {key: float(weights @ volatility) for key, weights in self.groups.items()}
        misses = [value / self.printed(VOLATILITY, key[1], key[0]) - 1 for key, value in means.items()]
        ever = self.rows.ever_treated
        spreads = [pooled_spread(units[name], ever) / self.spread(name) - 1 for name in (GROWTH, VOLATILITY)]
        return np.array([*misses, *spreads])


def unit_statistics(exports: Array, before: slice) -> Mapping[str, Array]:
    """Growth, volatility and size of each unit : (unit,). ``exports`` : (unit, period) log million dollars."""
    early = exports[:, before]
    changes = np.diff(early, axis=1)
    return {
        GROWTH: changes.mean(axis=1),
        VOLATILITY: changes.std(axis=1, ddof=1),
        SIZE: early.mean(axis=1) + np.log(MILLION),
    }


def pooled_spread(values: Array, ever_treated: NDArray[np.bool_]) -> float:
    """sqrt((S_treated^2 + S_control^2) / 2) : the denominator of the bias in Table 2."""
    squares = [float(values[group].var(ddof=1)) for group in (ever_treated, ~ever_treated)]
    return float(np.sqrt(sum(squares) / 2))
