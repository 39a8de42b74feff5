"""Would the answer survive this question? One check a file, and none has a model of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bri_bayes.design.analysis import Analysis, Fitter


@dataclass(frozen=True, eq=False)
class CheckResult:
    """What a check found. ``rule`` is stated before the result; ``passed`` None: the check has no pass or fail.

    ``table`` : the numbers behind it, a row a refit or statistic; ``detail`` : the result in one sentence.
    """

    name: str
    question: str
    rule: str
    passed: bool | None
    table: pd.DataFrame
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        content = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return content | {"table": self.table.to_dict("records")}


Check = Callable[[Analysis, Fitter], CheckResult]
