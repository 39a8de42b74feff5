"""Do amounts of money keep their unit, move as amounts do, and agree between those who report them?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

# How a name of a column ends -> US dollars in its unit.
SCALES = {"_usd": 1.0, "_kusd": 1e3, "_musd": 1e6}
FLOWS = ("export", "import")
# A change of this factor from one year to the next is a jump; of amounts of at least so many dollars.
JUMP, LARGE = 5.0, 1e8
# Reporters differ: more than this factor is worth a name.
DISAGREE = 2.0
# A wrong unit is a factor of a thousand, with room for what else moves.
THOUSAND = (700.0, 1400.0)
# Years on each side of a change of unit.
WINDOW = 3
MOST_NAMED = 8

Severity = Literal["broken", "note"]
Found = Iterator[tuple[str, Severity, str]]


def scale_of(name: str) -> float | None:
    """US dollars in the unit of a column, by the end of its name; None: no amount of trade."""
    trade = any(flow in name for flow in (*FLOWS, "total")) and "share" not in name
    return next((scale for end, scale in SCALES.items() if name.endswith(end)), None) if trade else None


def jumps(frame: pd.DataFrame, levels: Mapping[str, float], unit: str, year: str) -> Found:
    """Changes by a large factor from one year to the next, the largest first."""
    for name, scale in levels.items():
        wide = _wide(frame, name, unit, year) * scale
        before = wide.shift(axis=1)
        large = np.minimum(wide, before).ge(LARGE / JUMP) & np.maximum(wide, before).ge(LARGE)
        change = np.log(wide.where(wide > 0) / before.where(before > 0)).where(large)
        cells = change.abs().stack().dropna()
        cells = cells[cells >= np.log(JUMP)].sort_values(ascending=False)
        if len(cells):
            listed = ", ".join(f"{at[0]} {at[1]} ({np.exp(change.loc[at]):.3g})" for at in cells.index[:MOST_NAMED])
            yield "jumps", "note", f"{name}: {len(cells)} changes by a factor of {JUMP:g} or more in a year: {listed}"


def scales_mixed(frame: pd.DataFrame, levels: Mapping[str, float], unit: str, year: str) -> Found:
    """Thousands among dollars: a factor of a thousand that stays, or between two columns of one flow."""
    for name in levels:
        wide = np.log10(_wide(frame, name, unit, year).where(lambda values: values > 0))
        if wide.shape[1] < 2 * WINDOW:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(wide.to_numpy(), WINDOW, axis=1)
        before, after = windows[:, :-WINDOW], windows[:, WINDOW:]
        steps = 10 ** np.abs(after.mean(axis=2) - before.mean(axis=2))
        steady = (np.ptp(before, axis=2) < 1) & (np.ptp(after, axis=2) < 1)
        for row, at in np.argwhere(steady & (steps > THOUSAND[0]) & (steps < THOUSAND[1])):
            code, when, step = wide.index[row], wide.columns[at + WINDOW], steps[row, at]
            yield "units of money", "broken", f"{name} of {code} changes by a factor of {step:,.0f} in {when}"
    for first, second, ratio in _ratios(frame, levels, unit, year):
        step = 10 ** abs(float(np.nanmedian(np.log10(ratio))))
        if THOUSAND[0] < step < THOUSAND[1]:
            yield "units of money", "broken", f"{first} and {second} differ by a factor of {step:,.0f}: thousands?"


def disagreements(frame: pd.DataFrame, levels: Mapping[str, float], unit: str, year: str) -> Found:
    """Two columns of one flow: how far apart, and for whom."""
    for first, second, ratio in _ratios(frame, levels, unit, year):
        factor = np.exp(np.log(ratio).abs())
        worst = factor.groupby(level=0).max().sort_values(ascending=False)
        worst = worst[worst >= DISAGREE]
        listed = ", ".join(f"{code} {factor.loc[code].idxmax()} ({size:.2f})" for code, size in worst.items())
        yield (
            "reporters", "note",
            f"{first} against {second}: median ratio {ratio.median():.3f} over {len(ratio)} cells; {len(worst)} units "
            f"differ by a factor of {DISAGREE:g} or more in some year{': ' if len(worst) else ''}{listed}",
        )  # fmt: skip


def _wide(frame: pd.DataFrame, name: str, unit: str, year: str) -> pd.DataFrame:
    return frame.pivot(index=unit, columns=year, values=name).astype(float)


def _ratios(
    frame: pd.DataFrame, levels: Mapping[str, float], unit: str, year: str
) -> Iterator[tuple[str, str, pd.Series]]:
    """Pairs of columns with one flow in total, and their ratio by unit and year where both are large."""
    indexed = frame.set_index([unit, year])
    for flow in FLOWS:
        # Groups of goods, and the partner's trade with the world, are other quantities.
        of_flow = [name for name in levels if flow in name and not re.search(r"_\d+_|^partner_|(^|_)hightech_", name)]
        for first, second in combinations(of_flow, 2):
            amounts = [indexed[name] * levels[name] for name in (first, second)]
            both = amounts[0].gt(0) & amounts[1].gt(0) & np.maximum(*amounts).ge(LARGE)
            if both.any():
                yield first, second, (amounts[0] / amounts[1])[both]
