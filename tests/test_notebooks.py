"""Do the notebooks of examples/ keep small outputs, and those that their code gives?

Each build of the documentation runs all of them and ends where one keeps others (docs/conf.py); here runs the quickest.
"""

import base64
import json
import re
import sys
from pathlib import Path

import matplotlib
import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("*.ipynb"))
# Of a figure, in bytes: a clone has all of them, and every version.
LARGEST = 60_000


@pytest.fixture(scope="module")
def kept_outputs():
    """The module of docs/; it draws without a screen, and the style of a test before it is none of its own."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        import kept_outputs
    finally:
        sys.path.remove(str(ROOT / "docs"))
    with matplotlib.rc_context():
        yield kept_outputs


@pytest.fixture
def notebook(tmp_path):
    """Of three cells: a text, a number with its figure, another figure."""
    path = tmp_path / "small.ipynb"
    drawing = (
        "import matplotlib.pyplot as plt\n\nprint('mean', 0.125, 'of 2003')\nplt.plot([0, 1])\nplt.title('first');"
    )
    texts = [("markdown", "# A text"), ("code", drawing), ("code", "plt.plot([1, 0])\nplt.title('last');")]
    content = {
        "cells": [{"cell_type": kind, "metadata": {}, "source": text} for kind, text in texts],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_the_notebook_of_staggered_adoption_keeps_what_its_code_gives(kept_outputs):
    path = ROOT / "examples" / "staggered_adoption.ipynb"
    assert kept_outputs.stale(path, kept_outputs.executed(path)) is None


def test_a_notebook_that_is_written_twice_is_the_same_and_keeps_its_last_figure(kept_outputs, notebook):
    first = kept_outputs.write(notebook, kept_outputs.executed(notebook)).read_bytes()
    assert kept_outputs.write(notebook, kept_outputs.executed(notebook)).read_bytes() == first
    kinds = [[output["output_type"] for output in cell.get("outputs", [])] for cell in json.loads(first)["cells"]]
    assert kinds == [[], ["stream"], ["display_data"]]
    assert json.loads(first)["cells"][2]["outputs"][0]["data"]["text/plain"] == ["last"]


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        ("mean 0.125 of 2003", "mean 0.127 of 2003", False),  # chains on another processor
        ("mean 0.125 of 2003", "mean 0.175 of 2003", True),
        ("mean 0.125 of 2003", "mean -0.125 of 2003", True),
        ("mean 0.125 of 2003", "mean 0.125 of 2004", True),
        ("mean 0.125 of 2003", "mean 0.13 of 2003", True),
        ("mean 0.125 of 2003", "median 0.125 of 2003", True),
        ('"first"', '"another"', False),
    ],
)
def test_an_output_is_stale_where_a_word_or_a_digit_is_another(kept_outputs, notebook, before, after, differs):
    outputs = kept_outputs.executed(notebook)
    kept_outputs.write(notebook, outputs)
    notebook.write_text(notebook.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    difference = kept_outputs.stale(notebook, outputs)
    assert (difference is not None) == differs
    assert not differs or "small.ipynb, cell 1 keeps outputs that its code does not give; python docs/" in difference


def test_a_figure_or_an_output_that_is_not_kept_is_stale(kept_outputs, notebook):
    outputs = kept_outputs.executed(notebook)
    assert "cell 1 keeps" in kept_outputs.stale(notebook, outputs)
    kept_outputs.write(notebook, outputs)
    content = json.loads(notebook.read_text(encoding="utf-8"))
    content["cells"][2]["outputs"] = []
    notebook.write_text(json.dumps(content), encoding="utf-8")
    assert "cell 2 keeps" in kept_outputs.stale(notebook, outputs)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_a_notebook_keeps_is_small_and_the_same_on_every_machine(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] is None and cell["metadata"] == {} for cell in code)
    outputs = [output for cell in code for output in cell["outputs"]]
    figures = [output["data"].pop("image/png") for output in outputs if "image/png" in output.get("data", {})]
    assert len(figures) == 1
    assert len(base64.b64decode(figures[0])) < LARGEST
    text = json.dumps(outputs)
    assert len(text) > 500
    # Paths of a machine, addresses in memory, a value without rounding, a warning.
    assert not re.search(r"/(home|root|tmp|work|Users)/| at 0x|\d\.\d{7}|Warning", text)
