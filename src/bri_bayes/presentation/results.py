"""What does a section hand on? Outcomes, claims with verdicts, checks, and computations that are not to be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from pydantic import with_config

from bri_bayes.checks import CheckResult
from bri_bayes.checks.claimed_effect import PartOfClaim
from bri_bayes.checks.first_screen import FirstScreen
from bri_bayes.core.effect import Effect
from bri_bayes.core.json_values import Result, json_safe
from bri_bayes.evaluation.power import Power

Verdict = Literal["supported", "not supported", "cannot be told"]
SUPPORTED: Verdict = "supported"
NOT_SUPPORTED: Verdict = "not supported"
CANNOT_BE_TOLD: Verdict = "cannot be told"


@dataclass(frozen=True)
class Claim(Result):
    """A claim of the paper, and what this panel says of it.

    ``where`` : its place in the paper; ``rule`` : stated before the result; ``verdict`` follows from ``numbers`` by
    it; ``panel`` : the kind of the panel; ``outcome`` : by name, where the claim is on one; ``section`` : that judged.
    """

    claim: str
    where: str
    rule: str
    verdict: Verdict
    numbers: Mapping[str, Any]
    panel: str | None = None
    outcome: str | None = None
    section: str | None = None


@dataclass(frozen=True)
class Described(Result):
    """An outcome as a reader knows it."""

    label: str
    units: str | None
    transform: str


@with_config({"extra": "allow"})
class FitResult(TypedDict):
    """What tables and figures show of one fit of a card; a card may have more (percent, paths, dollars).

    ``claims`` : how probable it makes half of each effect that is claimed of its outcome.
    """

    card: str
    title: str
    att: Effect
    by_unit: Mapping[str, Effect]
    by_event_time: Mapping[str, Effect]
    by_period: Mapping[str, Effect]
    diagnostics: Mapping[str, Any]
    trustworthy: bool
    claims: Sequence[PartOfClaim]


@dataclass(frozen=True)
class OutcomeResult(Described):
    """The main answer on one outcome: fits by card, ``main`` that which is shown first, beside least squares.

    ``onset`` : the first of the ``onsets`` of the treated units; results of an earlier version have one for all.
    """

    published: Mapping[str, float | str] | None
    treated: Sequence[str]
    onset: int
    main: str | None
    models: Mapping[str, FitResult]
    frequentist: Sequence[Mapping[str, Any]]
    event_study: Sequence[Mapping[str, Any]]
    warnings: Sequence[str]
    truth: Mapping[str, float] | None
    power: Power | None
    first: FirstScreen | None = None
    onsets: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class SectionResult:
    """What a section found. ``further`` : what it has beside the keys that all sections share.

    ``failed_gates`` : a sentence for each computation that is not to be trusted: which one, and what failed.
    """

    outcomes: Mapping[str, Any] = field(default_factory=dict)
    claims: Sequence[Claim] = ()
    checks: Sequence[CheckResult] = ()
    failed_gates: Sequence[str] = ()
    further: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The section as JSON values, as values.json and ``--json`` have it."""
        shared = {name: getattr(self, name) for name in ("outcomes", "claims", "checks", "failed_gates")}
        return {str(name): json_safe(value) for name, value in {**shared, **self.further}.items()}
