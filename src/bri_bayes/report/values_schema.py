"""What does values.json hold? A JSON Schema written from the classes of results, and the check of a run against it.

The schema ships as data/values.schema.json. ``python -m bri_bayes.report.values_schema`` writes it anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError, create_model

from bri_bayes.checks import CheckResult
from bri_bayes.core.io import write_json
from bri_bayes.core.names import SECTIONS
from bri_bayes.core.resources import shipped
from bri_bayes.core.schema import STRICT
from bri_bayes.presentation.results import Claim, OutcomeResult
from bri_bayes.report.sections import load_sections

# Grows when a key goes or changes its meaning, not when one is added.
SCHEMA_VERSION = 1
FILE = "values.schema.json"


def schema() -> dict[str, Any]:
    """The JSON Schema of values.json."""
    said = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "values.json of a study"}
    return {**said, **_whole().json_schema()}


def breaches(values: Mapping[str, Any]) -> list[str]:
    """A sentence for each place of values.json that is not as the schema says; none is the rule."""
    try:
        _whole().validate_python(values)
    except ValidationError as error:
        return [
            f"values.json, {'.'.join(map(str, breach['loc']))}: {breach['msg']}"
            for breach in error.errors(include_url=False)
        ]
    return []


@cache
def _whole() -> TypeAdapter[Any]:
    """The type of the whole file: the main answer, and each section with the class of its outcomes."""
    sections: dict[str, Any] = {
        section.name: (_section(section.name, section.outcome), {}) for section in load_sections(SECTIONS)
    }
    study: dict[str, Any] = {
        "schema_version": (int, ...),
        "study": (Mapping[str, Any], ...),
        "unit_names": (Mapping[str, str], ...),
        "panel": (Mapping[str, Any], ...),
        "outcomes": (Mapping[str, OutcomeResult], ...),
        "paper": (Any, ...),
        "quick": (bool, ...),
        "failed_gates": (Sequence[str], ...),
    }
    return TypeAdapter(create_model("StudyValues", __config__=STRICT, **study, **sections))


def _section(name: str, outcome: Any) -> Any:
    """The keys that sections share, none of them where the study has nothing to ask, and more of its own."""
    shared: dict[str, Any] = {
        "outcomes": (Mapping[str, outcome], {}),
        "claims": (Sequence[Claim], ()),
        "checks": (Sequence[CheckResult], ()),
        "failed_gates": (Sequence[str], ()),
    }
    return create_model(f"{name.capitalize()}Section", __config__=ConfigDict(extra="allow"), **shared)


if __name__ == "__main__":
    write_json(shipped("data") / FILE, schema())
