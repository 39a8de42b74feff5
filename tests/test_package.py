"""What does one get who installs the package? The wheel is built, unpacked elsewhere, and answers from there."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# Folders of which ``core.resources.shipped`` is asked.
SHIPPED = ("data", "models", "reports/templates")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel's files in a folder of their own."""
    builder = pytest.importorskip("hatchling.builders.wheel").WheelBuilder(str(ROOT))
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = builder.build(directory=str(folder), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(wheel, *arguments, cwd):
    """Python with the unpacked wheel, and nothing of the checkout, on its path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PYTHONPATH": str(wheel), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_has_every_tracked_module_and_every_tracked_file_that_the_program_reads(wheel):
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tracked = [Path(line) for line in listing.splitlines()]
    modules = [path.relative_to("src") for path in tracked if path.parts[0] == "src"]
    read = [Path("bri_bayes/_shipped") / path for path in tracked if path.as_posix().startswith(SHIPPED)]
    assert len(modules) > 300
    assert len(read) > 30
    assert [str(path) for path in (*modules, *read) if not (wheel / path).is_file()] == []


def test_no_other_folder_is_asked_for_than_the_wheel_has(wheel):
    asked = {
        name
        for path in (ROOT / "src").rglob("*.py")
        for name in re.findall(r'\bshipped\("([^"]+)"\)', path.read_text(encoding="utf-8"))
    }
    assert asked <= set(SHIPPED)
    assert all((wheel / "bri_bayes" / "_shipped" / name).is_dir() for name in SHIPPED)


# A question to the shipped simulated panel, and where its answer was computed.
_ASKED = """
import bri_bayes as bb
from bri_bayes.core.resources import shipped
frame = bb.load_study(shipped("data") / "simulated.toml").load().to_dataframe().reset_index()
card = bb.card("did_common", errors="iid", sampler={"draws": 100, "proposals": 200})
nine = frame[frame["unit"].isin(["KAZ", "KGZ", "TJK", "MNG", "BLR"])]
treated = ["KAZ", "KGZ", "TJK"]
result = bb.did(nine, "lnexport ~ 1", unit="unit", period="period", treated=treated, onset=2013, card=card)
print(bb.__file__)
print(result.etable(format="md"))
"""


def test_the_installed_program_says_its_version_and_a_small_estimate_far_from_the_checkout(wheel, tmp_path):
    version = run(wheel, "-m", "bri_bayes", "--version", cwd=tmp_path)
    assert version.stdout.split()[-1] == PROJECT["version"]
    answer = run(wheel, "-c", _ASKED, cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    place, *table = answer.stdout.splitlines()
    assert Path(place).is_relative_to(wheel)
    assert any(line.startswith("| effect |") for line in table)


def test_the_conda_recipe_has_the_version_and_the_dependencies_of_the_project():
    recipe = (ROOT / "recipe" / "recipe.yaml").read_text(encoding="utf-8")
    run_section = recipe.split("  run:\n")[1].split("\ntests:")[0]
    named = {line.strip("- ").replace(" ", "").replace("-base", "") for line in run_section.strip().splitlines()}
    assert named == {*PROJECT["dependencies"], f"python{PROJECT['requires-python']}"}
    assert f'version: "{PROJECT["version"]}"' in recipe
    assert f"bri-bayes = {PROJECT['scripts']['bri-bayes']}" in recipe
    assert "://" not in recipe
