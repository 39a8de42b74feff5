"""What do pictures, tables and files need of an answer? The parts of ``DidResult`` that they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

from bri_bayes.core.effect import Effect
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.design import Design
from bri_bayes.study.model_card import ModelCard

if TYPE_CHECKING:
    import pandas as pd

    from bri_bayes.frequentist import Estimate

By = Literal["unit", "event_time", "period", "cell", "cohort"]


class Answer(Protocol):
    """A fit, the average effect, and effects by something."""

    @property
    def fit(self) -> Fit:
        """Posterior, diagnostics and the exact mixture."""

    @property
    def analysis(self) -> Analysis:
        """The recipe."""

    @property
    def design(self) -> Design:
        """The labelled arrays."""

    @property
    def card(self) -> ModelCard:
        """The model."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was said of the data as read."""

    @property
    def seed(self) -> int:
        """The seed of the draws."""

    @property
    def shown_first(self) -> bool:
        """Whether the card is the one that is shown first, with others beside it."""

    @property
    def effect(self) -> Effect:
        """The average effect."""

    @property
    def alternatives(self) -> Mapping[str, Effect]:
        """The average effect by card, under other assumptions."""

    @property
    def estimates(self) -> Sequence[Estimate]:
        """The rows of least squares and resampling."""

    @property
    def trustworthy(self) -> bool:
        """Whether the diagnostics are within their limits."""

    def to_frame(self, by: By | None = None) -> pd.DataFrame:
        """Effects as a data frame."""
