"""Which points fill a space evenly? A scrambled Sobol sequence, kept for refits that begin with the same seed.

The points of a generator follow from how it was seeded and how many generators have been spawned from it; many refits
of one seed ask for the same ones. Source: Owen (1998), Journal of Complexity 14(4), doi:10.1006/jcom.1998.0487.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import chdtri, ndtri

from bri_bayes.core.arrays import Array

# Uniform numbers are kept this far from 0 and 1.
_INSIDE = 1e-12
# Sets of points that are kept, and the most numbers in one of them.
_SETS, _NUMBERS = 32, 2**17

type Seed = tuple[tuple[str, Any], ...]


def sobol(size: int, d: int, rng: np.random.Generator) -> Array:
    """The first of a power of two of points, each uniform on (0, 1)^d : (size, d), which is not to be written into."""
    make = _kept_sobol if size * d <= _NUMBERS else _sobol
    return make(size, d, _seed(rng))


def student(size: int, d: int, df: float, rng: np.random.Generator) -> Array:
    """Points of a multivariate t with ``df`` degrees of freedom, centre 0, scale 1 : (size, d), not to be written."""
    make = _kept_student if size * d <= _NUMBERS else _student
    return make(size, d, df, _seed(rng))


def _seed(rng: np.random.Generator) -> Seed:
    """The state of what the next generator is spawned from; it counts as spawned."""
    sequence: Any = rng.bit_generator.seed_seq
    state = tuple((key, tuple(part) if isinstance(part, list) else part) for key, part in sequence.state.items())
    sequence.spawn(1)
    return state


def _sobol(size: int, d: int, seed: Seed) -> Array:
    from scipy.stats import qmc

    sequence = np.random.SeedSequence(**dict(seed))
    points = qmc.Sobol(d, rng=np.random.default_rng(sequence)).random_base2((size - 1).bit_length())[:size]
    points = np.asarray(np.clip(points, _INSIDE, 1 - _INSIDE), dtype=float)
    points.flags.writeable = False
    return points


def _student(size: int, d: int, df: float, seed: Seed) -> Array:
    uniform = _sobol(size, d + 1, seed)
    points = np.asarray(ndtri(uniform[:, :d]) * np.sqrt(df / chdtri(df, uniform[:, d:])))
    points.flags.writeable = False
    return points


_kept_sobol, _kept_student = lru_cache(_SETS)(_sobol), lru_cache(_SETS)(_student)
