"""Freed memory is kept: a large array that comes and goes costs no page faults after the first time."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from bri_bayes.runtime.memory import keep_freed_memory
if {kept}:
    assert keep_freed_memory()
before = 0
for turn in range(200):
    arrays = [np.ones(100_000) for _ in range(8)]  # 800 kB each, as the closed form has them side by side
    del arrays
    if turn == 20:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are those of the C library of Linux")
def test_kept_memory_is_not_asked_for_again() -> None:
    kept, asked = (
        int(subprocess.check_output([sys.executable, "-c", PROGRAM.format(kept=kept)], timeout=60))
        for kept in (True, False)
    )
    assert kept < 100 < asked / 100
