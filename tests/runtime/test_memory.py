"""Freed memory is kept: a large array that comes and goes costs no page faults after the first time."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref

import pytest

from bri_bayes.runtime.memory import collected_once

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


def test_the_collector_rests_in_the_block_and_works_again_after_it_whatever_happens() -> None:
    before = gc.get_freeze_count()
    with collected_once():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > before
        with collected_once():  # within another one it does nothing
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), collected_once():
        1 / 0  # noqa: B018
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


class _Loop:
    def __init__(self) -> None:
        self.itself = self


def test_what_the_block_leaves_is_collected_at_its_end() -> None:
    with collected_once():
        gone = weakref.ref(_Loop())
        assert gone() is not None
    assert gone() is None
