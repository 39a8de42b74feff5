"""Which model? A card states it in TOML: effects, errors, likelihood, priors, sampler. No code, no fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.io import digest
from bri_bayes.core.names import (
    ErrorScale,
    ErrorStructure,
    Family,
    PeriodEffects,
    Pooling,
    ShockProcess,
    Slopes,
    Structure,
    Treatment,
    Trend,
)
from bri_bayes.core.resources import shipped
from bri_bayes.core.schema import STRICT, read_toml, validated
from bri_bayes.study.card_priors import Priors
from bri_bayes.study.formula import Formula
from bri_bayes.study.propensity_specification import PropensityPrior

# More of these would fill the memory of an ordinary machine before they say more.
MOST_CHAINS, MOST_DRAWS = 64, 200_000
# A card that extends a card that extends a card: as many steps as a person can follow.
MOST_PARENTS = 10
# Families of the level, whose mean is the exponential of the linear predictor.
LEVEL_FAMILIES = ("gamma", "negative_binomial", "poisson")
_PLAIN_NAME = re.compile(r"\w[\w-]*")


@dataclass(frozen=True, config=STRICT)
class Effects:
    """The mean of the outcome: how the effect varies, which period effects, which trends.

    ``leads`` adds effects before the onset against event time -1 (an event study);
    ``window`` bins event times below its first and above its last value; ``modifier_slopes`` "by_unit" gives every
    treated unit its own slope of the effect on a modifier, pooled towards a common one.
    ``anticipation`` periods before the onset are neither before nor after: their rows of treated units are left out.
    ``trend`` "group_random_walk" lets the ever-treated units drift away from the others together, by steps of sd
    ``trend_sd`` a period on the standardised outcome; without a number that sd is learned.
    """

    treatment: Treatment = "by_unit_event_time"
    period: PeriodEffects = "fixed"
    pooling: Pooling = "partial"
    leads: bool = False
    window: tuple[int, int] | None = None
    trend: Trend = "none"
    trend_sd: float | None = None
    modifier_slopes: Slopes = "common"
    anticipation: int = 0

    @model_validator(mode="after")
    def _consistent(self) -> Effects:
        if self.window is not None and not self.window[0] < 0 <= self.window[1]:
            raise ValueError("the window must run from a negative to a non-negative event time")
        if self.anticipation < 0 or (self.anticipation and self.leads):
            raise ValueError(f"anticipation is a number of periods, and goes without leads, not {self.anticipation}")
        if self.leads and self.treatment in ("common", "by_unit"):
            raise ValueError(f'leads need treatment = "event_time" or "by_unit_event_time", not "{self.treatment}"')
        self._consistent_trend()
        return self

    def _consistent_trend(self) -> None:
        walk = self.trend == "group_random_walk"
        if walk and self.leads:
            raise ValueError(
                'leads and trend = "group_random_walk" describe the same years before the onset; choose one'
            )
        if walk and self.period != "fixed":
            raise ValueError(
                f'trend = "group_random_walk" needs period = "fixed", not "{self.period}": with random period effects '
                "part of the group's drift would pass for a common one"
            )
        if self.trend_sd is not None and not (walk and 0 < self.trend_sd < float("inf")):
            raise ValueError(
                f'trend_sd must be positive, finite, and beside trend = "group_random_walk", not {self.trend_sd} '
                f'with "{self.trend}"'
            )


@dataclass(frozen=True, config=STRICT)
class Errors:
    """The error within a unit over time, and whether its scale differs between units."""

    structure: ErrorStructure = "ar1"
    scale: ErrorScale = "common"


@dataclass(frozen=True, config=STRICT)
class Shocks:
    """What the units of one group share: a shock to the group in each period, whose sd is learned (``priors.shock``).

    ``process`` "like_errors" : the shock hangs together over time as a unit's error does, so that errors of one group
    are correlated; "ar1" : an autocorrelation of its own; "random_walk" : steps without return. Groups are those of
    the panel; where it has none the treated units are one group, and a control shares its errors with nobody.
    """

    process: ShockProcess = "none"


@dataclass(frozen=True, config=STRICT)
class Likelihood:
    """The family of the error, or of the level with a log link; the normal one alone has a closed form.

    gamma, negative_binomial and poisson have as variance of a level s^2 mu^2, phi mu + s^2 mu^2 and phi mu, with mu its
    mean: s and the size phi of a lump of the level are learned, so that units of the level do not matter.
    """

    family: Family = "normal"


@dataclass(frozen=True, config=STRICT)
class Contamination:
    """Controls that received a share kappa of the effect: what a treated unit would have felt as long after its onset.

    ``since`` : first exposed period of each such control; ``share`` fixes kappa, None learns it under a Beta
    ``prior``. A control of which nothing is said here stays without effect.
    """

    since: Mapping[str, int]
    share: float | None = None
    prior: tuple[float, float] = (1.0, 1.0)

    @model_validator(mode="after")
    def _usable(self) -> Contamination:
        if not self.since:
            raise ValueError("since names no control; give the first exposed period of at least one")
        if self.share is not None and not 0 <= self.share <= 1:
            raise ValueError(f"the share must be between 0 and 1, not {self.share}")
        if not all(0 < shape < float("inf") for shape in self.prior):
            raise ValueError(f"the two shapes of the Beta prior must be positive and finite, not {list(self.prior)}")
        return self


@dataclass(frozen=True, config=STRICT)
class Sampler:
    """Posterior draws (chains x draws), warm-up and target of NUTS, and the first batch of importance proposals."""

    chains: int = 4
    draws: int = 500
    tune: int = 1000
    target_accept: float = 0.95
    proposals: int = 2000

    @model_validator(mode="after")
    def _usable(self) -> Sampler:
        if self.chains < 2 or self.chains % 2:
            raise ValueError(f"the number of chains must be even and at least 2, not {self.chains}")
        if self.draws < 100 or self.proposals < 200 or self.tune < 100:
            raise ValueError("draws and tune must be at least 100, proposals at least 200")
        if self.chains > MOST_CHAINS or max(self.draws, self.tune, self.proposals) > MOST_DRAWS:
            raise ValueError(f"at most {MOST_CHAINS} chains, and {MOST_DRAWS:,} draws, tune and proposals each")
        if not 0.5 <= self.target_accept < 1:
            raise ValueError(f"target_accept must be in [0.5, 1), not {self.target_accept}")
        return self


@dataclass(frozen=True, config=STRICT)
class ModelCard:
    """A model, stated and not yet given data. ``outcome`` None means any outcome of the study."""

    name: str
    title: str
    outcome: str | None = None
    covariates: tuple[str, ...] = ()
    modifiers: tuple[str, ...] = ()
    structure: Structure = "linear"
    effects: Effects = Effects()
    errors: Errors = Errors()
    shocks: Shocks = Shocks()
    likelihood: Likelihood = Likelihood()
    priors: Priors = Priors()
    sampler: Sampler = Sampler()
    contamination: Contamination | None = None
    formula: Formula | None = None
    propensity: PropensityPrior | None = None
    references: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> ModelCard:
        for structure in ("formula", "propensity"):
            if (self.structure == structure) != (getattr(self, structure) is not None):
                raise ValueError(f'a card has a [{structure}] table exactly when structure = "{structure}"')
        if self.contamination is not None:
            self._check_contamination()
        self._check_shocks()
        return self

    def _check_shocks(self) -> None:
        """A group's shock must not pass for a common period effect, nor meet a second account of the same drift."""
        if self.likelihood.family != "normal" and self.errors.structure == "ar1_noise":
            raise ValueError('errors ar1_noise need the family "normal"')
        if self.shocks.process == "none":
            return
        if self.effects.period != "fixed" or self.effects.trend == "group_random_walk":
            raise ValueError('shocks need period = "fixed" and no trend = "group_random_walk", which is a shock, too')
        if self.likelihood.family == "student_t":
            raise ValueError('shocks need the family "normal"')

    def _check_contamination(self) -> None:
        """The effect of an exposed control needs a path that units share, and nothing that depends on kappa twice."""
        effects = self.effects
        if self.structure != "linear" or self.modifiers:
            raise ValueError("contamination needs a linear card without modifiers")
        if effects.leads or effects.period != "fixed":
            raise ValueError('contamination needs effects without leads and period = "fixed"')
        if effects.pooling == "none" and effects.treatment in ("by_unit", "by_unit_event_time"):
            raise ValueError("contamination needs an effect that units share: partial pooling, or no effects by unit")

    @property
    def digest(self) -> str:
        """The content of the card that can move a number: all but its title and references."""
        content = asdict(self)
        for label in ("name", "title", "references"):
            content.pop(label)
        return digest(content)

    @property
    def is_marginal(self) -> bool:
        """Whether the closed-form engine covers the card."""
        return self.structure == "linear" and self.likelihood.family == "normal"

    @property
    def has_log_link(self) -> bool:
        """Whether the card models the level, its effects being changes of the logarithm of the mean."""
        return self.structure == "linear" and self.likelihood.family in LEVEL_FAMILIES


def model_names() -> list[str]:
    """The cards that ship with the project, variants included."""
    folder = shipped("models")
    return sorted(path.stem for path in [*folder.glob("*.toml"), *folder.glob("variants/*.toml")])


def load_card(name_or_path: str | Path) -> ModelCard:
    """Read a card by its name among the shipped ones, or by the path of a TOML file.

    A variant says ``extends = "card"`` and states only what changes.
    """
    path = card_path(name_or_path)
    return validated(ModelCard, card_content(path), where=f'ModelCard "{path.stem}" ({path})')


def card_path(name_or_path: str | Path) -> Path:
    """The TOML file of a card: the path itself, or that of a shipped card by its name."""
    if str(name_or_path).endswith(".toml"):
        return Path(name_or_path)
    folder = shipped("models")
    for candidate in (folder / f"{name_or_path}.toml", folder / "variants" / f"{name_or_path}.toml"):
        if candidate.is_file():
            return candidate
    raise InputError(f'there is no model card "{name_or_path}"; {suggest(str(name_or_path), model_names())}')


def card_content(path: Path, seen: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The keys of a card with those that it takes from the card it extends; ``seen`` : the files on the way here."""
    if path in seen:
        raise InputError(f"{path}: the cards extend each other in a circle")
    if len(seen) > MOST_PARENTS:
        raise InputError(f"{path}: more than {MOST_PARENTS} cards extend one another")
    content = read_toml(path)
    content.setdefault("name", path.stem)
    parent = content.pop("extends", None)
    if parent is None:
        return content
    if not _PLAIN_NAME.fullmatch(str(parent)):
        raise InputError(f'{path}: extends = "{parent}" is no name of a card: one beside this file, or one that ships')
    beside = path.parent / f"{parent}.toml"
    base = card_content(beside if beside.is_file() else card_path(str(parent)), (*seen, path))
    return merged(base, content)


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the keys of ``change``; tables are joined key by key."""
    content = dict(base)
    for key, value in change.items():
        both = isinstance(value, Mapping) and isinstance(content.get(key), Mapping)
        content[key] = merged(content[key], value) if both else value
    return content
