"""A section is a module and a line of registration."""

from __future__ import annotations

from collections import Counter

import pytest

from bri_bayes.core.names import SECTIONS
from bri_bayes.presentation.gates import beyond_limits, failed_gates
from bri_bayes.presentation.main_tables import TABLES
from bri_bayes.report.sections import load_section, load_sections, section_names


def test_every_section_that_is_registered_has_a_module_and_its_own_name() -> None:
    assert section_names() == tuple(SECTIONS)
    assert [load_section(name).name for name in SECTIONS] == list(SECTIONS)


def test_no_two_tables_have_one_name() -> None:
    specs = [*TABLES, *(spec for section in load_sections(SECTIONS) for spec in section.tables)]
    named = Counter(spec.name for spec in specs)
    assert [name for name, times in named.items() if times > 1] == []


@pytest.mark.parametrize(
    ("diagnostics", "said"),
    [
        (
            {"rhat": 3.5, "ess": 4.0, "khat": None},
            "R-hat is 3.500 (below 1.01 passes), the effective sample is 4 (above 400 passes)",
        ),
        ({"rhat": 1.0, "ess": 900.0, "khat": 0.82}, "k-hat is 0.82 (below 0.7 passes)"),
        ({"rhat": None, "ess": 900.0}, "R-hat is not known (below 1.01 passes)"),
        ({"rhat": 1.0, "ess": 900.0, "divergences": 31}, "31 transitions diverged"),
    ],
)
def test_a_gate_that_fails_says_what_failed(diagnostics: dict[str, float | None], said: str) -> None:
    assert beyond_limits(diagnostics) == said


def test_failed_gates_of_fits_and_of_sections_are_one_list() -> None:
    fits = {"did": {"trustworthy": False, "diagnostics": {"rhat": 1.2}}, "plain": {"trustworthy": True}}
    values = {
        "outcomes": {"y": {"models": fits}},
        "placebo": {"failed_gates": ["placebo/y: k-hat is 0.9"]},
        "joint": {},
    }
    assert failed_gates(values) == ["y/did: R-hat is 1.200 (below 1.01 passes)", "placebo/y: k-hat is 0.9"]
