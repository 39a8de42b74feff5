"""Which points fill a space evenly? A scrambled Sobol sequence, kept for refits that begin with the same seed.

The points of a generator follow from how it was seeded and how many generators have been spawned from it; many refits
of one seed ask for the same ones. Source: Owen (1998), Journal of Complexity 14(4), doi:10.1006/jcom.1998.0487.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import chdtri, ndtri

from bri_bayes.core.arrays import Array

# Uniform numbers are kept this far from 0 and 1.
_INSIDE = 1e-12
# Sets of points that are kept, and the most numbers in one of them.
_SETS, _NUMBERS = 32, 2**17

type Seed = tuple[object, tuple[int, ...], int, int]


def sobol(size: int, d: int, rng: np.random.Generator) -> Array:
    """The first of a power of two of points, each uniform on (0, 1)^d : (size, d), which is not to be written into."""
    make = _kept_sobol if size * d <= _NUMBERS else _sobol
    return make(size, d, _seed(rng))


def student(size: int, d: int, df: float, rng: np.random.Generator) -> Array:
    """Points of a multivariate t with ``df`` degrees of freedom, centre 0, scale 1 : (size, d), not to be written."""
    make = _kept_student if size * d <= _NUMBERS else _student
    return make(size, d, df, _seed(rng))


def _seed(rng: np.random.Generator) -> Seed:
    """What the next generator spawned from this one begins with; it counts as spawned."""
    sequence = rng.bit_generator.seed_seq
    entropy = sequence.entropy  # type: ignore[attr-defined]
    seed = (
        tuple(entropy) if isinstance(entropy, list) else entropy,
        sequence.spawn_key,  # type: ignore[attr-defined]
        sequence.pool_size,  # type: ignore[attr-defined]
        sequence.n_children_spawned,  # type: ignore[attr-defined]
    )
    sequence.spawn(1)  # type: ignore[attr-defined]
    return seed


def _sobol(size: int, d: int, seed: Seed) -> Array:
    from scipy.stats import qmc

    entropy, spawn_key, pool_size, spawned = seed
    sequence = np.random.SeedSequence(
        entropy,  # type: ignore[arg-type]
        spawn_key=spawn_key,
        pool_size=pool_size,
        n_children_spawned=spawned,
    )
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
