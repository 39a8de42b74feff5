"""Does a package hold what the project ships, and no row that was fetched?"""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_package_has_every_file_of_data_that_is_tracked_and_no_folder_of_fetched_rows() -> None:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = content["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    named = {path for path in included if path.startswith("data")}
    listing = ["git", "ls-files", "data"]
    tracked = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert {"/".join(path.split("/")[:2]) for path in tracked} == named
    assert "data/official" not in named
    ignored = subprocess.run(["git", "check-ignore", "data/official/panel.csv"], cwd=ROOT, check=False)
    assert ignored.returncode == 0
