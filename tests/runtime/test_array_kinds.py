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


def test_the_command_says_so(tmp_path):
    """Without the word of ``cli.start`` an estimate imports sparse, which Bambi brings."""
    cells = [(i, unit, year) for i, unit in enumerate("ABCD") for year in range(2000, 2008)]
    rows = [f"{unit},{year},{(3 * i + 7 * year + i * year) % 11}" for i, unit, year in cells]
    file = tmp_path / "panel.csv"
    file.write_text("\n".join(["unit,year,y", *rows]), encoding="utf-8")
    of_columns = ["--outcome", "y", "--unit", "unit", "--period", "year"]
    words = ["estimate", str(file), *of_columns, "--treated", "A,B", "--onset", "2004", "--json"]
    code = (
        "import atexit, sys; from bri_bayes.cli.start import main; "
        "atexit.register(lambda: print([name in sys.modules for name in ('xarray', 'sparse')], file=sys.stderr)); "
        f"sys.argv = ['bri-bayes', *{words!r}]; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip().endswith("[True, False]")
