"""Does the oldest Python that pyproject.toml allows read every module and start the command line? Is bytecode kept?

`make test PYTHON=python3.12 VENV=/tmp/venv312` runs all tests under it; `.ci/run` has no time for a second run.
"""

import os
import shutil
import site
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READ = """
import ast, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")):
    compile(path.read_bytes(), str(path), "exec")
print(*sys.version_info[:2], sep=".")
"""


@pytest.fixture(scope="module")
def oldest():
    """The command of the oldest Python that is allowed, where it is not the one that runs the tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = project["requires-python"].removeprefix(">=")
    if version == "{}.{}".format(*sys.version_info[:2]):
        pytest.skip(f"the tests run under Python {version} as it is")
    for candidate in _candidates(version):
        done = subprocess.run(
            [candidate, "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False
        )
        if done.returncode == 0 and done.stdout.startswith(f"{version}."):
            return candidate, version
    pytest.skip(f"there is no Python {version} here")


def _candidates(version):
    """On the path, and among those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    known = [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/python{version}"))]
    return [path for path in [*known, shutil.which(f"python{version}")] if path is not None]


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks", "docs"])
def test_the_oldest_python_reads_every_module(oldest, folder):
    command, version = oldest
    done = subprocess.run([command, "-c", READ, str(ROOT / folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == version


def test_the_command_line_starts_under_the_oldest_python(oldest):
    # What the command line imports when it starts is plain Python, so the packages of this environment do for it.
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *site.getsitepackages()])}
    command = [oldest[0], "-B", "-m", "bri_bayes", "--help"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "estimate" in done.stdout


def test_a_machine_that_keeps_no_bytecode_keeps_that_of_the_environment():
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    command = ["make", "--silent", "--eval", "environment: ; @env", "environment"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "PATH=" in done.stdout
    assert "PYTHONDONTWRITEBYTECODE" not in done.stdout
