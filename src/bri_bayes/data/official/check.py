"""Can a panel of countries be believed? Rules that a broken file breaks, and peculiarities that a reader must know.

A finding is "broken" (the file contradicts itself or what its columns say they are) or a "note".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bri_bayes.core.errors import InputError
from bri_bayes.core.json_values import Result
from bri_bayes.data.official.check_units import unit_findings
from bri_bayes.data.official.levels import disagreements, jumps, scale_of, scales_mixed

if TYPE_CHECKING:
    import pandas as pd

UNIT, YEAR = "iso3", "year"
# Part of the name of a column -> the range of its values.
RANGES: tuple[tuple[str, float, float], ...] = (
    ("internet_users_pct", 0, 100),
    ("industry_pct", 0, 100),
    ("urban_pct", 0, 100),
    ("openness", 0, np.inf),
    ("growth_pct", -100, 1000),
    ("_se", 0, np.inf),
    ("gini", 0, 100),
    ("wgi_", -4, 4),
    ("lpi", 1, 5),
    ("population", 0, 2e9),
    ("gdp_per_capita", 0, 1e6),
    ("mobile", 0, np.inf),
    ("rail_lines_km", 0, np.inf),
)
# The states that share a land border with China (its own regions of Hong Kong and Macao apart).
LAND_NEIGHBOURS = frozenset(
    ("AFG", "BTN", "IND", "KAZ", "KGZ", "LAO", "MMR", "MNG", "NPL", "PAK", "PRK", "RUS", "TJK", "VNM"),
)
# The change of classification moves a group by this share or more: say so.
LARGE_SPLICE = 0.1

Severity = Literal["broken", "note"]


@dataclass(frozen=True)
class CheckFinding(Result):
    """``rule`` : what was asked; ``text`` : what was seen, in one sentence."""

    rule: str
    severity: Severity
    text: str


def check_panel(path: Path) -> list[CheckFinding]:
    """Every finding about the file, the broken rules first."""
    frame = read_long(path)
    findings = [CheckFinding(*finding) for finding in _findings(frame, path)]
    return sorted(findings, key=lambda finding: finding.severity != "broken")


def read_long(path: Path) -> pd.DataFrame:
    """A CSV with one row a unit (iso3) and year; "NA" in a cell of numbers is missing, as a unit it would be a text."""
    import pandas as pd

    try:
        frame = pd.read_csv(path, dtype={UNIT: str}, keep_default_na=False, na_values={UNIT: []}, low_memory=False)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; `bri-bayes data fetch` or `data import` brings one") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())[:120]})") from None
    for name in (UNIT, YEAR):
        if name not in frame:
            others = "bri-bayes estimate reads any other, and says what is wrong with it"
            raise InputError(
                f'{path}: there is no column "{name}"; a panel of countries has {UNIT} and {YEAR}; {others}'
            )
    missing = {"", "NA", "NaN", "nan", "null", ".", ".."}
    for name in frame.columns:
        if name != UNIT and frame[name].dtype.kind not in "iufb":
            blank = frame[name].astype(str).str.strip().isin(missing)
            numbers = pd.to_numeric(frame[name].where(~blank), errors="coerce")
            frame[name] = numbers if bool((numbers.notna() | blank).all()) else frame[name]
    return frame


def _findings(frame: pd.DataFrame, path: Path) -> Iterator[tuple[str, Severity, str]]:
    yield from _files(path)
    again = frame.duplicated([UNIT, YEAR])
    if again.any():
        first = frame[again].iloc[0]
        yield (
            "duplicates",
            "broken",
            f"{int(again.sum())} rows repeat a unit and year, first {first[UNIT]} {first[YEAR]}",
        )
        frame = frame[~again]
    years = frame[YEAR]
    if years.dtype.kind not in "iu" or not years.between(1900, 2100).all():
        yield "schema", "broken", f'the column "{YEAR}" holds something that is no year'
        return
    yield from unit_findings(frame, UNIT, YEAR)
    numbers = [name for name in frame.columns if name not in (UNIT, YEAR) and frame[name].dtype.kind in "iufb"]
    texts = [name for name in frame.columns if name not in (UNIT, YEAR, *numbers)]
    if texts:
        yield "schema", "note", f"columns without numbers: {', '.join(texts)}"
    yield from _ranges(frame, numbers)
    levels = {name: scale for name in numbers if (scale := scale_of(name)) is not None}
    for rule in (jumps, scales_mixed, disagreements):
        yield from rule(frame, levels, UNIT, YEAR)
    yield from _neighbours(frame)
    yield from _coverage(frame, numbers)


def _files(path: Path) -> Iterator[tuple[str, Severity, str]]:
    """Of a fetched panel: whether every file is the one that was written, and what the splice of revisions moves."""
    manifest = path.parent / "manifest.json"
    if not manifest.is_file():
        return
    try:
        content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
        files = content["files"]
    except (ValueError, KeyError, UnicodeDecodeError):
        yield "files", "broken", "the manifest beside the panel cannot be read"
        return
    for name, said in files.items():
        file = path.parent / name
        if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != said["sha256"]:
            yield "files", "broken", f"{name} is not the file that the manifest names; fetch or import again"
    for note in content.get("notes", []):
        yield "source", "note", str(note)
    if (path.parent / "groups.csv").is_file() and (path.parent / "overlap.csv").is_file():
        yield from _splice(path.parent)


def _splice(folder: Path) -> Iterator[tuple[str, Severity, str]]:
    import pandas as pd

    groups = pd.read_csv(folder / "groups.csv", keep_default_na=False)
    spans = groups.groupby("classification")["year"].agg(["min", "max"])
    said = "; ".join(f"{code}: {span['min']}-{span['max']}" for code, span in spans.iterrows())
    yield "classification", "note", f"SITC revisions by year: {said.replace('S3', 'Rev. 3').replace('S4', 'Rev. 4')}"
    overlap = pd.read_csv(folder / "overlap.csv", dtype={"group": str})
    ratios = overlap.groupby(["group", "flow"])["ratio"].mean().dropna()
    if len(ratios):
        yield (
            "splice", "note",
            f"in the years of both revisions a group's trade under the later one is {ratios.min():.3f} to "
            f"{ratios.max():.3f} times that under the earlier one",
        )  # fmt: skip
    for (group, flow), ratio in ratios[(ratios - 1).abs() >= LARGE_SPLICE].items():
        yield "splice", "note", f"group {group}, {flow}: the later revision gives {ratio:.3f} times the earlier one"


def _ranges(frame: pd.DataFrame, numbers: list[str]) -> Iterator[tuple[str, Severity, str]]:
    for name in numbers:
        values = frame[name].astype(float)
        if np.isinf(values).any():
            yield "ranges", "broken", f"{name} has an infinite value"
        low, high = (0.0, np.inf) if scale_of(name) is not None else _range_of(name)
        outside = frame[(values < low) | (values > high)]
        if len(outside):
            first = outside.iloc[0]
            yield (
                "ranges", "broken",
                f"{len(outside)} cells of {name} lie outside {low:g} to {high:g}; the first, {first[UNIT]} "
                f"{first[YEAR]}, is {first[name]:g}",
            )  # fmt: skip


def _range_of(name: str) -> tuple[float, float]:
    return next(((low, high) for part, low, high in RANGES if part in name), (-np.inf, np.inf))


def _neighbours(frame: pd.DataFrame) -> Iterator[tuple[str, Severity, str]]:
    """A column about borders with China against the map."""
    for name in (name for name in frame.columns if "contiguous" in name and "china" in name):
        ever = frame.groupby(UNIT)[name].max()
        missed = sorted(LAND_NEIGHBOURS & set(ever.index[ever == 0]))
        wrong = sorted(set(ever.index[ever == 1]) - LAND_NEIGHBOURS - {"HKG", "MAC"})
        if missed or wrong:
            yield (
                "borders", "note",
                f"{name} is 0 for land neighbours of China ({', '.join(missed) or 'none'}) and 1 for states without a "
                f"land border ({', '.join(wrong) or 'none'})",
            )  # fmt: skip


def _coverage(frame: pd.DataFrame, numbers: list[str]) -> Iterator[tuple[str, Severity, str]]:
    first, last = int(frame[YEAR].min()), int(frame[YEAR].max())
    units = frame[UNIT].nunique()
    yield "coverage", "note", f"{units} units, {first}-{last}, {len(frame)} rows of {units * (last - first + 1)}"
    whole: list[str] = []
    for name in numbers:
        seen = frame[frame[name].notna()]
        if len(seen) == len(frame):
            whole.append(name)
        elif seen.empty:
            yield "coverage", "note", f"{name}: empty"
        else:
            span = f"{seen[YEAR].min()}-{seen[YEAR].max()}"
            yield "coverage", "note", f"{name}: {span}, {len(seen)} of {len(frame)} cells, {seen[UNIT].nunique()} units"
    if whole:
        yield "coverage", "note", f"complete: {', '.join(whole)}"
