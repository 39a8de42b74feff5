"""The words that cards, designs and results share: dimension names and allowed choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

UNIT = "unit"
# The group of each unit, as its region: units of one group may share shocks.
GROUP = "group"
PERIOD = "period"
# The periods as a file writes them, where they are ordinals of months, quarters, dates.
PERIOD_LABEL = "period_label"
OBS = "obs"
CATEGORY = "category"
COVARIATE = "covariate"
# The weight of each row of a design, mean one; the attribute of a panel that names its variable with weights.
WEIGHT = "weight"
MODIFIER = "modifier"
EVENT_TIME = "event_time"
TREATED_UNIT = "treated_unit"
EXPOSED_UNIT = "exposed_unit"
# The name of the one group of a panel that has none: the units that are treated.
TREATED_GROUP = "treated"
CHAIN = "chain"
DRAW = "draw"
SAMPLE = (CHAIN, DRAW)

PanelKind = Literal["official", "user", "reconstruction", "simulation"]
Treatment = Literal["common", "by_unit", "event_time", "by_unit_event_time"]
PeriodEffects = Literal["fixed", "correlated"]
Pooling = Literal["partial", "none"]
Trend = Literal["none", "unit_linear", "group_random_walk"]
Slopes = Literal["common", "by_unit"]
ErrorStructure = Literal["iid", "ar1", "ar1_noise", "random_walk"]
ShockProcess = Literal["none", "like_errors", "ar1", "random_walk"]
ErrorScale = Literal["common", "by_unit"]
Family = Literal["normal", "student_t", "gamma", "negative_binomial", "poisson"]
Structure = Literal["linear", "formula", "propensity"]
Transform = Literal["none", "log", "log1p"]
Engine = Literal["auto", "marginal", "nuts"]

# The reference event time of an event study: the last period before the onset.
REFERENCE_EVENT_TIME = -1

# The sections of a report that a study may ask for, in the order of the page; each is a module in report/sections/.
# Beside it the question of its command; None where the section has none, or one of another kind.
SECTIONS: Mapping[str, str | None] = {
    "replication": None,
    "consistency": None,
    "pretrends": "Did the groups move apart before the policy, and would this panel have shown it?",
    "honest": "What if trends were not parallel? The effect by the drift of the treated, and honest intervals.",
    "placebo": "Would we have seen this without the policy? Earlier onsets, other groups, simulated panels.",
    "pool": "What do all units of the file say, when every region has shocks of its own? The wide pool.",
    "propensity": "Were the controls alike before? Propensity, overlap, balance, an uncertain match.",
    "moderation": "Does the effect fall with inequality, or with another moderator?",
    "mechanism": "Through which channel does the effect run, and how large a confounder would undo it?",
    "joint": "Did two outcomes both rise? One model, and a probability for each combination.",
    "categories": None,
    "compare": "Which model predicts what it has not seen, and does the effect hang on it?",
    "controls": "Does the answer hang on the choice of controls? Sets, single units, a wider pool.",
    "speccurve": "Which answers would other choices have given? A curve of several hundred Bayesian fits.",
    "prior": "What does the prior expect, which prior does the answer hang on, and which scales were learned?",
    "robustness": "Over every choice that was tried, where can the answer lie, and which matter most?",
    "claims": None,
}
