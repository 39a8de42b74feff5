"""Why does the posterior that is shown first differ from two-way fixed effects? Measured step by step.

From least squares to the card that is shown, each step adds one component and its average effect is the mean of the
posterior in closed form:

    least squares            two-way fixed effects
    effects with priors      the card with independent errors, no shared shocks: effects by unit and year, pooled
    lasting errors           with AR(1) errors: the periods next to the onset weigh most
    noise of single years    with noise that leaves no trace, where the card has it
    shared shocks            with the shocks that units of a group share, where the card has them

The moves add up to the whole difference. Their sizes depend on the order, which is that of the model's equation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bri_bayes.core.json_values import Result
from bri_bayes.core.names import ErrorStructure
from bri_bayes.design.analysis import Analysis
from bri_bayes.estimands.first_answer import average_effect
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.marginal import is_feasible
from bri_bayes.study.model_card import ModelCard, Shocks

PRIORS, LASTING, NOISE, SHARED = (
    "effects by unit and year with priors", "errors that last", "noise of single years", "shocks that units share",
)  # fmt: skip


@dataclass(frozen=True)
class Move(Result):
    """What adding ``component`` does to the average effect, and the effect with it."""

    component: str
    effect: float
    moved: float


@dataclass(frozen=True)
class Difference(Result):
    """From ``least_squares`` to ``posterior`` by ``moves``."""

    least_squares: float
    posterior: float
    moves: Sequence[Move]

    @property
    def largest(self) -> Move:
        """The component that moves the effect most in the direction of the whole difference."""
        sign = 1.0 if self.posterior >= self.least_squares else -1.0
        return max(self.moves, key=lambda move: sign * move.moved)


def why_different(
    analysis: Analysis, least_squares: float, seed: int, known: Mapping[str, float] | None = None
) -> Difference | None:
    """The steps from ``least_squares``; None where a step has no closed form that can be trusted.

    ``known`` : average effects that need not be computed again, by the digest of their card.
    """
    at, moves = least_squares, []
    for component, card in steps_to(analysis.card):
        mean = (known or {}).get(card.digest)
        if mean is None:
            if not is_feasible(analysis.design, card):
                return None
            effect, khat = average_effect(analysis.design, card, seed)
            if khat >= KHAT_LIMIT:
                return None
            mean = effect.mean
        moves.append(Move(component, mean, mean - at))
        at = mean
    return Difference(least_squares, at, moves)


def steps_to(card: ModelCard) -> Iterator[tuple[str, ModelCard]]:
    """The cards from independent errors to ``card``, with the component that each adds."""
    plain = dataclasses.replace(card, shocks=Shocks())
    structure = card.errors.structure

    def with_errors(name: ErrorStructure) -> ModelCard:
        return dataclasses.replace(plain, errors=dataclasses.replace(card.errors, structure=name))

    yield PRIORS, with_errors("iid")
    if structure != "iid":
        yield LASTING, with_errors("ar1" if structure == "ar1_noise" else structure)
    if structure == "ar1_noise":
        yield NOISE, plain
    if card.shocks.process != "none":
        yield SHARED, card
