"""How does a figure look, what does it say about its data, and how is it written? Shared by all figures.

A figure is a page: banner (a panel that is not observed), title, one line of reading help, key, body, provenance.
Colours are those of Okabe & Ito (2008), distinct for colour-blind readers; a colour never carries meaning alone, and
has one meaning in all figures: blue is the posterior and the treated group, vermillion least squares and
its tests, purple a second model beside the first, green the truth of a simulation, ink what was observed, printed or
is the reference (the controls, a total, a limit), grey a prior or a placebo.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from bri_bayes.core.errors import InputError
from bri_bayes.core.io import written_beside
from bri_bayes.presentation import sentences
from bri_bayes.presentation.period_words import writer
from bri_bayes.presentation.policy_name import naming_policy
from bri_bayes.presentation.study_tables import Values, main_model, provenance
from bri_bayes.report.figures import inline

INK, MUTED, FAINT = "#1f2328", "#57606a", "#d9dde2"
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#AA4499"
FONT = "DejaVu Sans"  # ships with Matplotlib, so a figure looks the same everywhere
WIDTH = 10.0  # inches
MARGIN = 0.18
TITLE, TEXT, SMALL = 13.0, 10.0, 8.5  # points
LINE = 1.32  # line height in font sizes
DPI = 160
_OPTIONS: dict[str, dict[str, Any]] = {
    # Compression 3 of 9: a third of the time of the default, files 7% larger.
    "png": {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": 3}},
    "svg": {"metadata": {"Date": None, "Creator": None}},
}

_STYLE: dict[str, Any] = {
    "font.family": FONT,
    "font.size": TEXT,
    "text.color": INK,
    "text.parse_math": False,  # a label may hold a dollar sign
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": TEXT - 0.5,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": TEXT,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": SMALL + 0.5,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SMALL + 0.5,
    "ytick.labelsize": SMALL + 0.5,
    "lines.solid_capstyle": "butt",
    "figure.facecolor": "white",
    "svg.fonttype": "none",  # text stays text: to be read aloud, searched and copied
    "svg.hashsalt": "bri_bayes",
}


@contextmanager
def style() -> Iterator[None]:
    """The style of all figures, for the length of a block."""
    with rc_context(_STYLE), _without_glyph_warnings():
        yield


def themed(draw: Callable[[Values], Figure]) -> Callable[[Values], Figure]:
    """Run the function of a figure in the style of all figures."""

    @functools.wraps(draw)
    def styled(values: Values) -> Figure:
        with style():
            return draw(values)

    return styled


def page(
    values: Values, title: str, reading: str, *, body: float, width: float = WIDTH, key: Sequence[Artist] = ()
) -> Figure:
    """A figure with everything but its axes, which the caller adds; ``body`` : inches that they share.

    ``reading`` : how to read the marks. ``key`` : handles of a legend in one row.
    """
    inside = width - 2 * MARGIN
    alarm = sentences.banner(values)
    title, reading = (writer(values)(naming_policy(values, text)) for text in (title, reading))
    title_lines = wrapped(title, 0.98 * inside, TITLE, "bold")
    reading_lines = wrapped(reading, inside, SMALL + 0.5)
    source_lines = wrapped(provenance(values), inside, SMALL)
    banner_height = 0.34 if alarm else 0.0
    key_height = 0.3 if key else 0.0
    head = (
        banner_height + 0.14 + height_of(title_lines, TITLE) + 0.05 + height_of(reading_lines, SMALL + 0.5) + key_height
    )
    foot = height_of(source_lines, SMALL) + 0.16
    height = head + body + foot
    rect = (MARGIN / width, foot / height, inside / width, body / height)
    engine = ConstrainedLayoutEngine(rect=rect, w_pad=0.06, h_pad=0.06, wspace=0.04, hspace=0.03)
    figure = Figure(figsize=(width, height), layout=engine)
    x, top = MARGIN / width, 1.0
    if alarm:
        top -= banner_height / height
        strip = Rectangle((0, top), 1, banner_height / height, transform=figure.transFigure, facecolor="#A33B00", lw=0)
        figure.add_artist(strip)
        middle = top + banner_height / height / 2
        figure.text(x, middle, alarm, gid=inline.ALARM, color="white", size=TEXT + 1, weight="bold", va="center")
    top -= 0.12 / height
    look: dict[str, Any] = {"size": TITLE, "weight": "bold", "va": "top", "linespacing": LINE - 0.15}
    figure.text(x, top, "\n".join(title_lines), gid=inline.MESSAGE, **look)
    top -= (height_of(title_lines, TITLE) + 0.05) / height
    look = {"size": SMALL + 0.5, "color": MUTED, "va": "top", "linespacing": LINE - 0.1}
    figure.text(x, top, "\n".join(reading_lines), gid=inline.READING, **look)
    top -= height_of(reading_lines, SMALL + 0.5) / height
    if key:
        figure.legend(
            handles=key, loc="upper left", bbox_to_anchor=(x, top), ncols=len(key), borderaxespad=0, borderpad=0.3,
            handletextpad=0.5, columnspacing=1.6,
        )  # fmt: skip
    figure.text(x, 0.08 / height, "\n".join(source_lines), size=SMALL, color=MUTED, va="bottom", linespacing=LINE - 0.1)
    return figure


def save(figure: Figure, folder: Path, name: str, *, png: bool = False) -> Path:
    """Write NAME.svg and, if asked, NAME.png, the same bytes for the same figure; returns the path of the SVG."""
    with style():
        _lay_out(figure)
        for form in ("png", "svg") if png else ("svg",):
            with written_beside(folder / f"{name}.{form}") as temporary:
                figure.savefig(temporary, format=form, dpi=DPI, **_OPTIONS[form])
    return folder / f"{name}.svg"


def png_bytes(figure: Figure) -> bytes:
    """The figure as a PNG that another file holds."""
    with style(), BytesIO() as held:
        _lay_out(figure)
        figure.savefig(held, format="png", dpi=DPI, **_OPTIONS["png"])
        return held.getvalue()


def outcomes_with(values: Values, key: str, figure: str) -> dict[str, Mapping[str, Any]]:
    """The outcomes whose card shown first has ``key``, in order."""
    outcomes = {name: outcome for name, outcome in values["outcomes"].items() if main_model(outcome).get(key)}
    if not outcomes:
        raise InputError(
            f'the figure "{figure}" needs an outcome whose card shown first has "{key}"; none of the study has it'
        )
    return outcomes


def wrapped(text: str, inches: float, size: float, weight: str = "normal") -> list[str]:
    """Lines of ``text`` that are at most ``inches`` wide as they are drawn; a no-break space is no end of a line."""
    lines: list[list[str]] = []
    width, space = 0.0, points_wide(" ", size, weight)
    for word in filter(None, re.split("[ \n]", text)):
        wide = points_wide(word, size, weight)
        if lines and width + space + wide <= 72 * inches:
            lines[-1].append(word)
            width += space + wide
        else:
            lines.append([word])
            width = wide
    return [" ".join(line) for line in lines]


def points_wide(text: str, size: float, weight: str = "normal") -> float:
    """The width of a line of text as it is drawn, in points: of its words and of the spaces between them."""
    words = text.split(" ")
    space = _points_wide("n n", size, weight) - 2 * _points_wide("n", size, weight)
    return sum(_points_wide(word, size, weight) for word in words if word) + (len(words) - 1) * space


@functools.cache
def _points_wide(text: str, size: float, weight: str) -> float:
    font = FontProperties(family=FONT, size=size, weight=weight)
    with _without_glyph_warnings():
        return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def height_of(lines: Sequence[str], size: float) -> float:
    """Inches that lines of text take."""
    return len(lines) * size * LINE / 72


def panel_title(ax: Axes, text: str, inches: float, *, size: float = TEXT, pad: float = 6.0) -> None:
    """A wrapped bold title over a panel; ``pad`` : points between them."""
    lines = "\n".join(wrapped(text, inches, size, "bold"))
    ax.set_title(lines, size=size, weight="bold", linespacing=LINE - 0.15, pad=pad)


def _lay_out(figure: Figure) -> None:
    """Give everything its place, once: no form of the figure looks for it again."""
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine(None)
    for ax in figure.axes:  # the solver's last digits change from run to run
        x, y, width, height = (round(float(part), 5) for part in ax.get_position().bounds)
        ax.set_position((x, y, width, height))


@contextmanager
def _without_glyph_warnings() -> Iterator[None]:
    """Signs that the font lacks (a label in Chinese) become boxes in a PNG; in an SVG the reader's font has them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        yield
