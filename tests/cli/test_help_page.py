"""``bri-bayes`` alone, its version, its short options: what a person types first."""

import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

import bri_bayes
from bri_bayes.cli.help_page import GROUPS
from bri_bayes.cli.main import app


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"]])
def test_the_help_lists_every_command_once_under_a_heading_in_80_columns(words):
    shown = CliRunner().invoke(app, words, terminal_width=80)
    assert shown.exit_code == 0
    names = re.findall(r"^  ([a-z]+)  +\S", shown.stdout, flags=re.MULTILINE)
    registered = [command.name or command.callback.__name__ for command in app.registered_commands]
    registered += [group.name for group in app.registered_groups]
    assert sorted(names) == sorted(registered)
    assert "Other:" not in shown.stdout
    assert "..." not in shown.stdout.partition("Start:")[2]
    listed = " ".join(shown.stdout.split())
    assert listed.count("(") == listed.count(")"), "a sentence ends inside its brackets"
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_headings_name_each_command_once():
    listed = [name for names in GROUPS.values() for name in names]
    assert len(listed) == len(set(listed))


def test_a_group_alone_shows_its_commands():
    shown = CliRunner().invoke(app, ["data"])
    assert shown.exit_code == 0
    assert "fetch" in shown.stdout


def test_the_package_is_a_command_and_knows_its_version():
    command = [sys.executable, "-m", "bri_bayes", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (result.returncode, result.stdout) == (0, f"bri-bayes {bri_bayes.__version__}\n")
