"""Which reported regressions can come from one data set? The verdicts with what a reader needs to check them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bri_bayes.paper.consistency import CommonData, Consistency, joint_consistency
from bri_bayes.paper.joint import GROUPS, Slip, decimal_slips
from bri_bayes.paper.reported import Reported, load_tables, reported
from bri_bayes.paper.tables import Published, load_published

_DIGITS = 12


def file_consistency(path: Path) -> list[dict[str, Any]]:
    """The one entry of the regressions of a TOML file (see ``reported``)."""
    return [consistency_entry(load_tables(path).regression, path.name)]


def paper_consistency(published: Published | None = None) -> list[dict[str, Any]]:
    """An entry a group of the paper's tables that share variables, with slips that would explain a conflict."""
    source = load_published() if published is None else published
    return [consistency_entry(reported(source, tables), name) for name, tables in GROUPS.items()]


def consistency_entry(regressions: Sequence[Reported], name: str) -> dict[str, Any]:
    """The verdict on some regressions, its sentence ("why" without all their names) and its certificate.

    ``shared`` : "common", a Gram matrix by block of names (its normal equations give back the printed numbers);
    ``conflict`` : "collinear", weights of the residuals, what they leave and its bounds under rounding, or "positive",
    multipliers of the normal equations whose sum is positive definite; ``undecided`` : the nearest miss.
    """
    answer = joint_consistency(regressions)
    slips = decimal_slips(answer) if answer.collinear else ()
    return {
        "name": name,
        "regressions": [regression.name for regression in answer.regressions],
        "verdict": answer.verdict,
        "sentence": answer.sentence,
        "why": _why(answer),
        "certificate": _certificate(answer),
        "slips": [_slip(slip) for slip in slips],
        "panel": "published",
    }


def consistency_text(entries: Sequence[Mapping[str, Any]]) -> str:
    """A paragraph a set of regressions: verdict, certificate, and a slip that would explain a conflict."""
    parts = []
    for entry in entries:
        lines = [f"{entry['name']}: {_VERDICTS[entry['verdict']]}", f"  {entry['sentence']}"]
        certificate = entry["certificate"]
        for collinear in certificate.get("collinear", [])[:1]:
            weights = " ".join(f"{value:+.4g} [{name}]" for name, value in collinear["weights"].items())
            lines.append(f"  Check: the residuals, weighted {weights}, leave")
            lines += [
                f"    {value:+.4g} {name}{_allowed(*collinear['bounds'][name])}"
                for name, value in collinear["combination"].items()
            ]
        if (more := len(certificate.get("collinear", [])) - 1) > 0:
            lines.append(
                f"  --json has {more} more certificate{'s' if more > 1 else ''} of other regressions among these."
            )
        if "common" in certificate:
            common = certificate["common"]
            lines.append(f"  Check: --json has the cross-products of such a data set ({_blocks(common['names'])}).")
        lines += [f"  {slip['sentence']}" for slip in entry["slips"]]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _blocks(names: Sequence[Sequence[str]]) -> str:
    sizes = ", ".join(str(len(block)) for block in names)
    return f"{len(names)} block{'s' if len(names) > 1 else ''} of {sizes} variables"


def _allowed(low: float, high: float) -> str:
    return "" if low == high else f"   (rounding allows {low:.3g} to {high:.3g})"


_VERDICTS = {"shared": "one data set can give all", "conflict": "NO data set can give all", "undecided": "not decided"}


def _why(answer: Consistency) -> str:
    if answer.common is not None:
        return f"every number comes back within {answer.common.largest_miss:.2g} half units of its last digit"
    return str(answer.collinear[0]) if answer.collinear else answer.sentence


def _certificate(answer: Consistency) -> dict[str, Any]:
    if answer.common is not None:
        return {"common": _common(answer.common)}
    if answer.collinear:
        return {"collinear": [asdict(collinear) for collinear in answer.collinear]}
    if answer.positive is not None:
        return {
            "positive": {
                "names": [list(block) for block in answer.positive.system.names],
                "multipliers": _rounded(answer.positive.multipliers),
                "least_eigenvalue": answer.positive.least_eigenvalue,
            }
        }
    return {"nearest_miss": answer.nearest_miss}


def _common(common: CommonData) -> dict[str, Any]:
    return {
        "names": [list(block) for block in common.system.names],
        "cross_products": [_rounded(block) for block in common.blocks],
        "least_eigenvalue": common.least_eigenvalue,
        "largest_miss": common.largest_miss,
    }


def _slip(slip: Slip) -> dict[str, Any]:
    side = "right" if slip.places > 0 else "left"
    return {
        "outcome": slip.outcome,
        "variable": slip.variable,
        "places": slip.places,
        "sentence": f"With the decimal point of {slip.variable} moved by one place to the {side} in every regression "
        f"of {slip.outcome}, one data set can give all of them.",
    }


def _rounded(values: Any) -> list[Any]:
    """Significant digits enough that the printed numbers still come back."""
    array = np.asarray(values, dtype=float)
    rounded = [float(f"{value:.{_DIGITS}g}") for value in array.ravel()]
    return list(np.array(rounded).reshape(array.shape).tolist())
