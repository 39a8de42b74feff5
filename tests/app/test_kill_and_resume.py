"""A run that is killed leaves no process, and goes on to the bytes of an undisturbed one."""

import os
import random
import sys

import pytest
from kill_and_resume import one_round, place, undisturbed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
    expected, seconds = undisturbed(place(tmp_path / "undisturbed", sections=()))
    here = place(tmp_path / "killed", sections=())
    ends = dict(one_round(here, expected, seconds, random.Random(1), each=1))
    assert set(ends.values()) <= {"", "late"}
    assert ends["resumed"] == ""
