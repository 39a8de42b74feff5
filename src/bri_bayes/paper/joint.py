"""Which of the paper's tables can come from one data set, and which slip of the pen would explain where they cannot?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bri_bayes.paper.consistency import Consistency, joint_consistency
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.reported import Reported

# Groups of tables (3) and columns ((5, 1)) that share variables. Versions of the reconstruction follow from this.
GROUPS: Mapping[str, tuple[int | tuple[int, int], ...]] = {
    "Tables 3 and 8": (3, 8),
    "Tables 3, 5, 6 and 8": (3, 5, 6, 8),
    "Tables 3 and 4": (3, 4),
    "Tables 4, 5, 6 and 8": (4, 5, 6, 8),
    "Table 5 (1) and Table 6": ((5, 1), 6),
    "Tables 5 and 7, quality of exports": ((5, 2), (7, 1), (7, 2), (7, 3), (7, 4)),
    "Tables 5 and 7, quality of imports": ((5, 3), (7, 5), (7, 6), (7, 7), (7, 8)),
    "Tables 5 and 7, both qualities": ((5, 2), (5, 3), 7),
    "Table 6 and Table 7, quality of exports": (6, (7, 1), (7, 2), (7, 3), (7, 4)),
    "Table 6 and Table 7, quality of imports": (6, (7, 5), (7, 6), (7, 7), (7, 8)),
}


@dataclass(frozen=True)
class Slip:
    """A decimal point that is misplaced in every coefficient of a variable in the regressions of an outcome.

    ``places`` : the point moves by so many places to the right before the regressions agree.
    """

    outcome: str
    variable: str
    places: int
    consistency: Consistency


def decimal_slips(conflict: Consistency) -> tuple[Slip, ...]:
    """Slips of one decimal place after whose repair one data set can give all regressions of a conflict.

    Tried are, for each outcome, the variables that carry the forced collinearities (the largest entry of each). That a
    repair works is no proof of a slip; standard errors that are off by the same factor are further evidence.
    """
    regressions = conflict.regressions
    suspects = dict.fromkeys(max(c.combination, key=lambda n: abs(c.combination[n])) for c in conflict.collinear)
    outcomes = dict.fromkeys(r.outcome for r in regressions)
    slips = []
    for variable in suspects:
        for outcome in outcomes:
            for places in (1, -1):
                repaired = shifted(regressions, outcome, variable, places)
                verdict = joint_consistency(repaired, every_certificate=False)
                if verdict.verdict == "shared":
                    slips.append(Slip(outcome, variable, places, verdict))
    return tuple(slips)


def shifted(regressions: Sequence[Reported], outcome: str, variable: str, places: int) -> tuple[Reported, ...]:
    """The regressions with the decimal point of a variable moved to the right in every regression of an outcome."""
    return tuple(
        replace(r, coefficients={**r.coefficients, variable: _moved(r.coefficients[variable], places)})
        if r.outcome == outcome and variable in r.coefficients
        else r
        for r in regressions
    )


def _moved(number: Printed, places: int) -> Printed:
    return Printed(f"{number.exact.scaleb(places):.{max(number.decimals - places, 0)}f}")
