"""Does the gallery show every figure that a run can draw, with its question, from values of a simulated panel?"""

import re
import sys
from pathlib import Path

import pytest

from bri_bayes.cli.help_page import GROUPS
from bri_bayes.report.figures import FIGURES, available
from bri_bayes.report.figures.wording import outcomes_of

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


# Of a figure of 832 CSS pixels (report.css), what a phone of 390 shows beside the page's margins.
ON_A_PHONE = 350 / 832


def test_a_phone_shows_names_of_choices_with_zero_and_the_answer_before_it_is_scrolled(values):
    figure = FIGURES["robustness"](values)
    figure.draw_without_rendering()
    edge = figure.bbox.width * ON_A_PHONE
    for ax, robust in zip(figure.axes, outcomes_of(values, "robustness", "choices").values(), strict=True):
        names = [text for text in ax.texts if text.get_text() in {choice["choice"] for choice in robust["choices"]}]
        assert len(names) == len(robust["choices"])
        ends = [name.get_window_extent().x1 for name in names]
        lines = [ax.transData.transform((at, 0))[0] for at in (0, robust["main"]["mean"])]
        assert max(ends + lines) < edge
