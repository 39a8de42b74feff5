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
    np.ones(100_000)  # 800 kB, well above the threshold of 128 KiB
    np.ones(101_000)
    if turn == 20:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are those of the C library of Linux")
def test_kept_memory_is_not_asked_for_again() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(kept=True)], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(ran.stdout) < 100  # 190 pages of 4 KiB an array, in 360 arrays, where nothing is kept
