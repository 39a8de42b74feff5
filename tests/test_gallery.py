"""Does the gallery show every figure that a run can draw, with its question, from values of a simulated panel?"""

import re
import sys
from pathlib import Path

import pytest

from bri_bayes.cli.help_page import GROUPS
from bri_bayes.report.figures import FIGURES, available

# Drawn for a file of products with few years alone, which no generator makes.
ELSEWHERE = {"category_differences"}
DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def values():
    sys.path.insert(0, str(DOCS))
    try:
        from gallery_values import stored_values
    finally:
        sys.path.remove(str(DOCS))
    return stored_values()


def test_every_figure_of_a_run_has_one_place_with_its_own_question():
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    shown = re.findall(
        r"^### (.+)\n\n!\[(.+)\]\(_generated/gallery/(\w+)\.png\)\n\n.+Figure `(\w+)`", text, re.MULTILINE
    )
    assert sorted(name for _, _, name, _ in shown) == sorted(set(FIGURES) - ELSEWHERE)
    assert all(question == described and question.endswith("?") for question, described, _, _ in shown)
    assert all(name == said for _, _, name, said in shown)


def test_the_commands_of_the_gallery_exist():
    text = (DOCS / "gallery.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`bri-bayes (\w+)", text))
    assert named <= {command for group in GROUPS.values() for command in group}


def test_the_stored_values_are_those_of_a_simulated_panel_with_every_figure(values):
    assert values["panel"]["kind"] == "simulation"
    assert set(available(values)) == set(FIGURES) - ELSEWHERE
