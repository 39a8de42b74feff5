"""How is a product of small matrices written? As a sum: compiling one Dot takes longer than a run of all of these."""

from __future__ import annotations

from typing import Any

# Rows and columns from which a product is left to the library of linear algebra.
LARGE = 60


def product(first: Any, second: Any) -> Any:
    """``first`` (n, k) times ``second`` (k, m) or (k,), with shapes that are known.

    Not as a sum where n and k are large: with many missing cells each is a row and a column.
    """
    import pytensor.tensor as pt

    first, second = pt.as_tensor(first), pt.as_tensor(second)
    if min(size or 0 for size in first.type.shape) > LARGE:
        return pt.dot(first, second)
    if second.ndim == 1:
        return (first * second).sum(axis=1)
    return (first[:, :, None] * second[None, :, :]).sum(axis=1)
