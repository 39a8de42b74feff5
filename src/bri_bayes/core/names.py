"""The words that cards, designs and results share: dimension names and allowed choices."""

from __future__ import annotations

from typing import Literal

UNIT = "unit"
PERIOD = "period"
OBS = "obs"
CATEGORY = "category"
COVARIATE = "covariate"
MODIFIER = "modifier"
EVENT_TIME = "event_time"
TREATED_UNIT = "treated_unit"
EXPOSED_UNIT = "exposed_unit"
CHAIN = "chain"
DRAW = "draw"
SAMPLE = (CHAIN, DRAW)

PanelKind = Literal["official", "user", "reconstruction", "simulation"]
Treatment = Literal["common", "by_unit", "event_time", "by_unit_event_time"]
PeriodEffects = Literal["fixed", "correlated"]
Pooling = Literal["partial", "none"]
Trend = Literal["none", "unit_linear", "group_random_walk"]
Slopes = Literal["common", "by_unit"]
ErrorStructure = Literal["iid", "ar1", "random_walk"]
ErrorScale = Literal["common", "by_unit"]
Family = Literal["normal", "student_t"]
Structure = Literal["linear", "formula", "propensity"]
Transform = Literal["none", "log", "log1p"]
Engine = Literal["auto", "marginal", "nuts"]

# The reference event time of an event study: the last period before the onset.
REFERENCE_EVENT_TIME = -1

# The sections of a report that a study may ask for, in the order of the page; each is a module in sections/.
SECTIONS: tuple[str, ...] = (
    "replication",
    "consistency",
    "pretrends",
    "honest",
    "placebo",
    "propensity",
    "moderation",
    "mechanism",
    "joint",
    "categories",
    "compare",
    "controls",
    "speccurve",
    "prior",
    "robustness",
    "claims",
)
