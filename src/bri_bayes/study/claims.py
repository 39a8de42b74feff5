"""Which claims of a paper does a study put to its panel? The tables [[claims]] of its TOML file.

[[claims]]
text = "{outcome}: the policy raised them by {claimed}"
where = "Table 3 column (3)"
rule = "effect"              # which numbers judge it, and how: see RULES
outcome = "lnexport"         # optional; without it the claim is on every outcome
claimed = 0.218              # optional; without it the published estimate of the outcome
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Literal, get_args

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import suggest
from bri_bayes.core.schema import STRICT

RuleName = Literal[
    "effect", "parallel_trends", "fake_groups", "fake_onsets", "matched", "moderation", "mediation", "both_positive"
]
RULES: tuple[RuleName, ...] = get_args(RuleName)
# What a text may leave open, beside {outcome} and {claimed}, by rule.
WORDS: Mapping[RuleName, tuple[str, ...]] = {"moderation": ("moderator",), "mediation": ("channels",)}


@dataclass(frozen=True, config=STRICT)
class StatedClaim:
    """A claim of a paper, where it stands there, and the rule that judges it.

    ``text`` : with {outcome}, the label of what the claim is on, and the words of its rule; ``claimed`` : the size of
    the effect that it states; ``onsets`` : the fake first periods of a claim that nothing happened from then on.
    """

    text: str
    where: str
    rule: RuleName
    outcome: str | None = None
    claimed: float | None = None
    onsets: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _usable(self) -> StatedClaim:
        allowed = ("outcome", "claimed", *WORDS.get(self.rule, ()))
        for _, word, _, _ in Formatter().parse(self.text):
            if word is not None and word not in allowed:
                raise ValueError(f"the text has {{{word}}}; {suggest(word, allowed)}")
        if bool(self.onsets) != (self.rule == "fake_onsets"):
            raise ValueError('a claim has onsets if its rule is "fake_onsets", and only then')
        return self

    def size(self, published: float | None) -> float | None:
        """The size of the effect that it states, or else the published one of its outcome."""
        return published if self.claimed is None else self.claimed

    def check(self, outcomes: Mapping[str, object]) -> None:
        """Refuse an outcome that is none of the study's, and one for a claim on two outcomes."""
        if self.outcome is not None and self.rule == "both_positive":
            raise ValueError('a claim with the rule "both_positive" is on two outcomes and names none')
        if self.outcome is not None and self.outcome not in outcomes:
            raise ValueError(f'claims has the outcome "{self.outcome}"; {suggest(self.outcome, outcomes)}')
