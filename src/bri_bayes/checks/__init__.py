"""Would the answer survive this question? One check a file, and none has a model of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bri_bayes.core.json_values import Result, Value
from bri_bayes.design.analysis import Analysis, Fitter


@dataclass(frozen=True)
class CheckResult(Result):
    """What a check found. ``rule`` is stated before the result; ``passed`` None: the check has no pass or fail.

    ``table`` : the numbers behind it, a row a refit or statistic; ``detail`` : the result in one sentence.
    """

    name: str
    question: str
    rule: str
    passed: bool | None
    table: Sequence[Mapping[str, Value]]
    detail: str


Check = Callable[[Analysis, Fitter], CheckResult]
