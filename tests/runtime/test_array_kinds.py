"""A command tells xarray that its arrays are NumPy's; whoever imports the package does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

SELECT = "import xarray; d = xarray.Dataset({'y': ('t', [1.0, 2.0])}); d['y'].to_numpy(); "


@pytest.mark.parametrize(
    ("begin", "imported"),
    [
        ("from bri_bayes.runtime.array_kinds import of_a_command; of_a_command(); import bri_bayes.app; ", "[]"),
        ("import bri_bayes.app; ", "['sparse']"),
    ],
    ids=["command", "notebook"],
)
def test_a_command_imports_no_package_of_other_arrays(begin, imported):
    code = f"import sys; {begin}{SELECT}print([name for name in ('sparse',) if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == imported
