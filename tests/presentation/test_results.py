"""A section's result has one form, whatever the section."""

from __future__ import annotations

import math

from bri_bayes.checks import CheckResult
from bri_bayes.core.effect import Effect
from bri_bayes.presentation.results import SUPPORTED, Claim, SectionResult


def test_a_section_is_written_with_its_own_keys_beside_the_shared_ones() -> None:
    claim = Claim("Exports rose", "Table 3", "the rule", SUPPORTED, {"effect": Effect(1.0, 0.5, 0.1, 1.9, 0.98)})
    check = CheckResult("overlap", "alike?", "the rule", None, [{"unit": "KAZ", "p": math.nan}], "cannot be told")
    written = SectionResult({}, [claim], [check], ["exports: R-hat 3.50"], {"note": None}).as_dict()
    assert list(written) == ["outcomes", "claims", "checks", "failed_gates", "note"]
    assert written["claims"][0]["numbers"]["effect"]["lower"] == 0.1
    assert written["checks"][0]["table"] == [{"unit": "KAZ", "p": None}]
