"""Do blocks and lines give the same flows, and does a fault get its sentence?"""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from bri_bayes.data import baci_stream, trade
from bri_bayes.data.baci_stream import UnreadableError, flows_of

ROWS = 4000


def _release(rng: np.random.Generator) -> str:
    """Made-up flows in the layout of a release: quantities right-aligned, some NA."""
    lines = ["t,i,j,k,v,q"]
    for year, i, j, k in zip(
        rng.integers(2010, 2013, ROWS), rng.choice([156, 398, 496, 4], ROWS), rng.choice([156, 398, 112], ROWS),
        rng.integers(10000, 980000, ROWS), strict=True,
    ):  # fmt: skip
        quantity = f"{'NA':>12}" if rng.random() < 0.1 else f"{rng.lognormal(2, 2):12.3f}"
        lines.append(f"{year},{i},{j},{k:06d},{rng.lognormal(3, 2):.3f},{quantity}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("years", [None, (2011, 2012)])
def test_blocks_and_lines_give_the_same_flows(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, years: tuple[int, int] | None
) -> None:
    text = _release(rng).encode()
    monkeypatch.setattr(baci_stream, "BLOCK", 1 << 14)
    assert len(list(flows_of(io.BytesIO(text), 156, years))) > 1
    by_blocks = pd.concat(trade._baci(io.BytesIO(text), "x", 156, years), ignore_index=True)
    by_lines = pd.concat(list(trade._baci_by_lines(io.BytesIO(text), "x", 156, years)), ignore_index=True)
    pd.testing.assert_frame_equal(by_blocks, by_lines, check_dtype=False)
    assert by_blocks["quantity"].isna().any()
    assert len(by_blocks) > 0


@pytest.mark.parametrize("line", ["2010,156,398,300490,2.5", "2010,156,398,300490,2.5,many", "2010,156,x,300490,2,1"])
def test_a_fault_is_left_to_the_reader_that_says_where(line: str) -> None:
    with pytest.raises(UnreadableError, match=r"."):
        list(flows_of(io.BytesIO(f"t,i,j,k,v,q\n2010,156,398,300490,2.5,1\n{line}\n".encode()), 156, None))
