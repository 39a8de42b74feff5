"""Which controls stand in for each treated row, given a score; and what is the effect on the treated then?

Conventions, each that of a package that applied work uses:

- nearest with replacement: controls at the same distance share the weight (Matching; Abadie & Imbens 2006) or, with
  ``ties="first"``, the first in the data takes it (psmatch2);
- nearest without replacement: one pass in the given order, largest score first as in MatchIt; what is taken is gone;
- kernel: psmatch2's Epanechnikov kernel with bandwidth 0.06 is the default; Gaussian is that of attk;
- radius: every control within the radius, bounds included, with equal weights (psmatch2 ``radius caliper()``);
- caliper: a treated row without a control within it stays unmatched, bounds included;
- common support "controls": treated rows outside the range of the controls' scores are left out (psmatch2
  ``common``); "treated": controls outside the range of the treated rows' scores are (``comsup`` of attnd and attk,
  Becker & Ichino 2002, doi:10.1177/1536867X0200200403); "both": either.

Distances are those of the score as given: probabilities, or log odds if these are given.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import OBS

Method = Literal["nearest", "kernel", "radius"]
Kernel = Literal["epanechnikov", "gaussian"]
Order = Literal["largest", "smallest", "data"]
Ties = Literal["all", "first"]
Support = Literal["none", "controls", "treated", "both"]

# Scores this close are the same: equal covariates give equal scores but for the rounding of a dot product.
SAME_SCORE = 1e-10
# Farther than this in bandwidths a control is not: its kernel is zero, and squares stay finite.
_FARTHEST = 1e150
# Distances that are held at one time (doubles).
CHUNK_ELEMENTS = 4_000_000
# More distances take minutes, and more pairs gigabytes.
MOST_DISTANCES = 2_000_000_000
MOST_PAIRS = 50_000_000
_POSITIVE = ("bandwidth", "radius", "caliper")


@dataclass(frozen=True)
class Rule:
    """How to match. ``bandwidth`` counts for the kernel, ``radius`` for the radius, the rest but support for nearest.

    ``neighbours`` : controls a treated row; ``caliper`` : largest distance, None for any.
    """

    method: Method = "nearest"
    replace: bool = True
    neighbours: int = 1
    ties: Ties = "all"
    order: Order = "largest"
    caliper: float | None = None
    kernel: Kernel = "epanechnikov"
    bandwidth: float = 0.06
    radius: float = 0.1
    support: Support = "none"

    def __post_init__(self) -> None:
        words = {"method": Method, "kernel": Kernel, "order": Order, "ties": Ties, "support": Support}
        for name, allowed in words.items():
            word = getattr(self, name)
            if word not in get_args(allowed):
                raise InputError(f'{name} "{word}" is unknown; {suggest(str(word), get_args(allowed))}')
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not (0 < value < np.inf):
                raise InputError(f"the {name} must be a positive number, not {value}")
        if self.neighbours < 1:
            raise InputError(f"neighbours must be at least 1, not {self.neighbours}")


@dataclass(frozen=True, eq=False)
class Matched:
    """Who was matched with whom.

    ``treated`` : (obs,) bool; ``on_support`` : (obs,) bool; ``weights`` : (obs,) 1 for a matched treated row, for a
    control the sum of its shares in the matches, 0 for the others; ``pair_treated``, ``pair_control`` : (pair,)
    positions of rows, ``pair_share`` : (pair,) the control's share in that match (they add up to 1 a treated row).
    """

    rule: Rule
    treated: xr.DataArray
    score: xr.DataArray
    on_support: xr.DataArray
    weights: xr.DataArray
    pair_treated: NDArray[np.intp]
    pair_control: NDArray[np.intp]
    pair_share: Array

    @property
    def matched_treated(self) -> NDArray[np.intp]:
        """Positions of the treated rows that have a match."""
        return np.flatnonzero(self.treated.to_numpy() & (self.weights.to_numpy() > 0))

    @property
    def matched_controls(self) -> NDArray[np.intp]:
        """Positions of the controls that count."""
        return np.flatnonzero(~self.treated.to_numpy() & (self.weights.to_numpy() > 0))

    def counterfactual(self, values: Array) -> Array:
        """The matched controls' average of ``values`` (obs,) for each row of ``matched_treated``."""
        sums = np.bincount(self.pair_treated, self.pair_share * values[self.pair_control], minlength=values.size)
        return np.asarray(sums[self.matched_treated])


def match(score: ArrayLike | xr.DataArray, treated: ArrayLike | xr.DataArray, rule: Rule | None = None) -> Matched:
    """Match each treated row with controls by the distance of ``score`` (obs,), by ``rule``.

    Labels of a labelled score are kept. Raises InputError when there are too few controls, or nobody can be matched.
    """
    rule = rule or Rule()
    scores = np.asarray(score, dtype=float)
    is_treated = np.asarray(treated).astype(bool)
    if scores.shape != is_treated.shape or scores.ndim != 1:
        raise InputError(f"the score has the shape {scores.shape} and the treatment {is_treated.shape}")
    if not np.isfinite(scores).all():
        raise InputError("a score is missing or infinite; leave these rows out")
    if not is_treated.any() or is_treated.all():
        raise InputError("matching needs treated rows and controls")
    on_support = common_support(scores, is_treated, rule.support)
    from_rows, controls = np.flatnonzero(is_treated & on_support), np.flatnonzero(~is_treated & on_support)
    if not from_rows.size or not controls.size:
        raise InputError("there is no common support: no treated row lies within the scores of the controls")
    _check_size(scores[from_rows], scores[controls], rule)
    if rule.method == "nearest" and not rule.replace:
        pairs = _without_replacement(scores, from_rows, controls, rule)
    else:
        pairs = _with_replacement(scores, from_rows, controls, rule)
    pair_treated, pair_control, share = pairs
    if not pair_treated.size:
        limit = {"kernel": "bandwidth", "radius": "radius", "nearest": "caliper"}[rule.method]
        raise InputError(f"no treated row has a control within the {limit}: nobody can be matched; take a larger one")
    weights = np.bincount(pair_control, share, minlength=scores.size)
    weights[pair_treated] = 1.0
    labels = score[OBS].values if isinstance(score, xr.DataArray) and OBS in score.coords else np.arange(scores.size)

    def labelled(values: NDArray[np.generic]) -> xr.DataArray:
        return xr.DataArray(values, dims=OBS, coords={OBS: labels})

    return Matched(rule, labelled(is_treated), labelled(scores), labelled(on_support), labelled(weights), *pairs)


def att(matched: Matched, outcome: ArrayLike) -> float:
    """Average over the matched treated rows of the outcome minus that of their matches, in units of the outcome."""
    y = np.asarray(outcome, dtype=float)
    return float((y[matched.matched_treated] - matched.counterfactual(y)).mean())


def weighting_att(score: ArrayLike, treated: ArrayLike, outcome: ArrayLike) -> float:
    """The effect on the treated by inverse probability: controls weigh p / (1 - p), normalised (Hajek).

    Source: Hirano, Imbens & Ridder (2003), doi:10.1111/1468-0262.00442.
    """
    p, d, y = np.asarray(score, dtype=float), np.asarray(treated).astype(bool), np.asarray(outcome, dtype=float)
    odds = p[~d] / (1 - p[~d])
    return float(y[d].mean() - odds @ y[~d] / odds.sum())


def common_support(score: Array, treated: NDArray[np.bool_], rule: Support) -> NDArray[np.bool_]:
    """Rows (obs,) that ``rule`` keeps; bounds are included."""
    kept = np.ones(score.shape, dtype=bool)
    if rule in ("controls", "both"):
        kept[treated] = _within(score[treated], score[~treated])
    if rule in ("treated", "both"):
        kept[~treated] = _within(score[~treated], score[treated])
    return kept


def shares(distance: Array, rule: Rule) -> Array:
    """The share of each control in each match, with replacement: (..., treated, control) from distances, any batch.

    Rows add up to 1, or to 0 where no control is close enough.
    """
    if rule.method == "kernel" and rule.kernel == "gaussian":
        # Relative to the nearest, so that far ones do not all underflow.
        closest = distance.min(axis=-1, keepdims=True)
        near, far = _in_bandwidths(closest, rule), _in_bandwidths(distance, rule)
        raw = np.exp(-0.5 * (far - near) * (far + near))
    elif rule.method == "kernel":
        raw = 1.0 - np.minimum(_in_bandwidths(distance, rule), 1.0) ** 2
    elif rule.method == "radius":
        raw = (distance <= rule.radius + SAME_SCORE).astype(float)
    else:
        raw = _nearest_shares(distance, rule)
    total = raw.sum(axis=-1, keepdims=True)
    return np.divide(raw, total, out=np.zeros_like(raw), where=total > 0)


def _in_bandwidths(distance: Array, rule: Rule) -> Array:
    """Distances in bandwidths, up to a number whose square is finite."""
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(distance / rule.bandwidth, _FARTHEST))


def _nearest_shares(distance: Array, rule: Rule) -> Array:
    k = min(rule.neighbours, distance.shape[-1])
    if rule.ties == "first":
        # Distances that differ by rounding alone are ties, too.
        order = np.argsort(np.round(distance / SAME_SCORE), axis=-1, kind="stable")[..., :k]
        raw = np.zeros_like(distance)
        np.put_along_axis(raw, order, 1.0, axis=-1)
    else:
        furthest = np.partition(distance, k - 1, axis=-1)[..., k - 1 : k]
        raw = (distance <= furthest + SAME_SCORE).astype(float)
    if rule.caliper is not None:
        raw *= distance <= rule.caliper + SAME_SCORE
    return raw


def _check_size(treated: Array, controls: Array, rule: Rule) -> None:
    """Refuse what would take minutes or fill the memory, before it begins."""
    if treated.size * controls.size > MOST_DISTANCES:
        raise InputError(
            f"{treated.size:,} treated rows and {controls.size:,} controls have more than {MOST_DISTANCES:,} "
            "distances; match within groups, or draw fewer rows"
        )
    if rule.method == "nearest":
        return
    reach = rule.radius if rule.method == "radius" else np.inf if rule.kernel == "gaussian" else rule.bandwidth
    ordered = np.sort(controls)
    pairs = np.searchsorted(ordered, treated + reach, "right") - np.searchsorted(ordered, treated - reach)
    if (count := int(pairs.sum())) > MOST_PAIRS:
        width = "radius" if rule.method == "radius" else "bandwidth"
        raise InputError(
            f"{rule.method} matching would hold {count:,} pairs, more than {MOST_PAIRS:,}; take a smaller {width}, "
            "or nearest neighbours"
        )


def _with_replacement(
    score: Array, rows: NDArray[np.intp], controls: NDArray[np.intp], rule: Rule
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    blocks = []
    for chunk in _chunks(rows, controls.size):
        share = shares(np.abs(score[chunk][:, None] - score[controls][None, :]), rule)
        at, to = np.nonzero(share)
        blocks.append((chunk[at], controls[to], share[at, to]))
        if sum(block[0].size for block in blocks) > MOST_PAIRS:
            raise InputError(f"so many scores are equal that there are more than {MOST_PAIRS:,} pairs; take ties first")
    treated, control, share = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return treated, control, share


def _without_replacement(
    score: Array, rows: NDArray[np.intp], controls: NDArray[np.intp], rule: Rule
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    if rule.neighbours * rows.size > controls.size:
        raise InputError(
            f"{rows.size} treated rows with {rule.neighbours} match{'es' if rule.neighbours > 1 else ''} each need as "
            f"many controls without replacement, and there are {controls.size}; match with replacement"
        )
    limit = np.inf if rule.caliper is None else rule.caliper + SAME_SCORE
    free = np.ones(controls.size, dtype=bool)
    pairs: list[tuple[int, int]] = []
    # Each pass gives every treated row one more control, as MatchIt does.
    for _ in range(rule.neighbours):
        for row in _ordered(score, rows, rule.order):
            distance = np.where(free, np.abs(score[controls] - score[row]), np.inf)
            best = int(np.flatnonzero(distance <= distance.min() + SAME_SCORE)[0])
            if distance[best] <= limit:
                free[best] = False
                pairs.append((int(row), int(controls[best])))
    treated = np.array([pair[0] for pair in pairs], dtype=np.intp)
    control = np.array([pair[1] for pair in pairs], dtype=np.intp)
    return treated, control, 1.0 / np.bincount(treated, minlength=score.size)[treated]


def _ordered(score: Array, rows: NDArray[np.intp], order: Order) -> NDArray[np.intp]:
    if order == "data":
        return rows
    rounded = np.round(score[rows] / SAME_SCORE)
    return rows[np.argsort(-rounded if order == "largest" else rounded, kind="stable")]


def _chunks(rows: NDArray[np.intp], n_controls: int) -> Iterator[NDArray[np.intp]]:
    size = max(1, CHUNK_ELEMENTS // n_controls)
    for first in range(0, rows.size, size):
        yield rows[first : first + size]


def _within(score: Array, other: Array) -> NDArray[np.bool_]:
    return np.asarray((score >= other.min() - SAME_SCORE) & (score <= other.max() + SAME_SCORE))
