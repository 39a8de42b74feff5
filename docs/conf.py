"""How is the documentation built? Sphinx over the Markdown of this folder, without a network; `make docs`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import bri_bayes
from bri_bayes.report.figures import FIGURES, available, theme
from bri_bayes.study.card_text import describe
from bri_bayes.study.model_card import load_card, model_names

sys.path.insert(0, str(Path(__file__).parent))
from executed import executed, write_page
from gallery_values import stored_values
from kept_outputs import examples, stale
from prior_figure import draw

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Of the pictures of the gallery, 10 inches wide.
_GALLERY_DPI = 110
# Of the calibration page, what the draft of the paper shows.
_TESTS_IN_SHORT = (
    "TWFE, ordinary s.e.", "TWFE, clustered s.e. (CRV1), t(8)", "TWFE, permutation", "Bayes, card `did`",
    "Bayes, card `did_shared`",
)  # fmt: skip

project = "bri_bayes"
author = "The bri_bayes authors"
release = bri_bayes.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_generated/cards.md", "_generated/calibration_in_short.md"]
myst_heading_anchors = 3  # links into a page lead to its headings
highlight_language = "none"  # a block is coloured where it says its language

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}

html_theme = "alabaster"
html_theme_options = {
    "description": bri_bayes.__doc__.rstrip("."),
    "page_width": "76rem",
    "body_max_width": "56rem",
    "font_family": "system-ui, sans-serif",
}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False


def setup(app: Sphinx) -> None:
    """Write what is made anew by each build before the pages are read: cards, notebooks as they run, the gallery."""
    app.connect("builder-inited", _write_cards)
    app.connect("builder-inited", _write_notebooks)
    app.connect("builder-inited", _draw_gallery)
    app.connect("builder-inited", _shorten_calibration)


def _write_cards(app: Sphinx) -> None:
    """Every card with every prior, as `bri-bayes models NAME` prints it: read from the cards, so never behind them."""
    folder = Path(app.srcdir) / "_generated"
    folder.mkdir(exist_ok=True)
    cards = [f"## {name}\n\n```text\n{describe(load_card(name))}\n```\n" for name in model_names()]
    (folder / "cards.md").write_text("\n".join(cards), encoding="utf-8")
    draw(folder)


def _write_notebooks(app: Sphinx) -> None:
    """A page of each, with what its code gives; one that keeps other outputs ends the build."""
    from sphinx.errors import ExtensionError

    for notebook in examples():
        outputs = executed(notebook)
        if difference := stale(notebook, outputs):
            raise ExtensionError(difference)
        write_page(notebook, outputs, Path(app.srcdir) / "_generated")


def _draw_gallery(app: Sphinx) -> None:
    """Every figure of the gallery, drawn from the stored values of its small study by the code of today."""
    values, folder = stored_values(), Path(app.srcdir) / "_generated" / "gallery"
    folder.mkdir(exist_ok=True)
    for name in available(values):
        figure = FIGURES[name](values)
        with theme.style():
            figure.savefig(folder / f"{name}.png", dpi=_GALLERY_DPI)


def _shorten_calibration(app: Sphinx) -> None:
    """The rows of the calibration page that the draft of the paper shows; a situation that is gone ends the build."""
    lines = (Path(app.srcdir) / "calibration.md").read_text(encoding="utf-8").splitlines()
    head = next(at for at, line in enumerate(lines) if line.startswith("| errors | test | size |"))
    shown = [
        next(line for line in lines if line.startswith(f"| {errors} | {test} |"))
        for errors in ("AR 0.8", "AR 0.8, treated share 50%")
        for test in _TESTS_IN_SHORT
    ]
    folder = Path(app.srcdir) / "_generated"
    (folder / "calibration_in_short.md").write_text("\n".join([*lines[head : head + 2], *shown, ""]), encoding="utf-8")
