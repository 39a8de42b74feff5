"""What of the paper's placebo and pre-trend claims stands? Each with a verdict by a rule that is stated first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The fake years of the paper (Table 4), refitted as there: with the treated years in.
PAPER_YEARS = (2012, 2007)
SUPPORTED, REFUSED, OPEN = "supported", "not supported", "cannot be told"
LEVEL, SHARE = 0.05, 0.5
RULE_GROUPS = (
    "supported: at most 5% of all groups are at least as large, by the posterior mean and by two-way fixed effects; "
    "not supported: more, by both; else it cannot be told. Where the fake estimates centre says nothing"
)
RULE_YEARS = (
    "not supported: an interval leaves zero out; supported: every interval lies within half of the claimed effect "
    "around zero; else it cannot be told, for an interval that holds zero and the claim shows neither"
)
RULE_TREND = (
    "not supported: the 95% interval of the difference in trends leaves zero out; supported: it does not, and a trend "
    "that makes half of the claimed effect would be found in 80% of panels; else it cannot be told"
)


def placebo_claims(label: str, claimed: float, outcome: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The claims on fake groups and on fake years of an outcome, as far as its values go."""
    found = []
    if space := outcome.get("space"):
        shares = {"posterior mean": space["p_value"], "two-way fixed effects": space["p_value_twfe"]}
        few = [share <= LEVEL for share in shares.values()]
        found.append(
            {
                "claim": f"{label}: fake groups show that the estimate is no chance result",
                "where": "section 4 (3), Figure 4",
                "rule": RULE_GROUPS,
                "verdict": SUPPORTED if all(few) else OPEN if any(few) else REFUSED,
                "numbers": {f"share of {space['n']} groups, {name}": share for name, share in shares.items()},
            }
        )
    late = (outcome.get("time") or {}).get("with_treated_years", [])
    years = {row["onset"]: row["att"] for row in late if row["onset"] in PAPER_YEARS}
    if set(years) == set(PAPER_YEARS):
        found.append(
            {
                "claim": f"{label}: a fake policy in 2012 or 2007 has no effect",
                "where": "section 4 (3), Table 4",
                "rule": RULE_YEARS,
                "verdict": _of_years(list(years.values()), SHARE * abs(claimed)),
                "numbers": {str(year): years[year] for year in PAPER_YEARS},
            }
        )
    return found


def pretrend_claim(label: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The claim that treated and control units moved together before the policy."""
    return {
        "claim": f"{label}: treated and control units had one trend before the policy",
        "where": "section 4 (3), Figure 3",
        "rule": RULE_TREND,
        "verdict": {True: SUPPORTED, False: REFUSED, None: OPEN}[values["passed"]],
        "numbers": {"difference a year": values["slope"], "detectable": values["detectable_slope"]},
    }


def _of_years(intervals: list[Mapping[str, float]], half: float) -> str:
    if any(att["lower"] > 0 or att["upper"] < 0 for att in intervals):
        return REFUSED
    return SUPPORTED if all(-half <= att["lower"] and att["upper"] <= half for att in intervals) else OPEN
