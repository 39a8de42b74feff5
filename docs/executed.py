"""What does a notebook give today? Its cells run in order, and a page with what each prints, shows and draws."""

from __future__ import annotations

import ast
import contextlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# A line that is longer is a sentence.
_WIDEST_TABLE = 120
# Of a figure: 700 points for 7 inches, and below 60 kB.
_DPI = 100


@dataclass(frozen=True)
class Output:
    """Of one cell: what it prints, what its last line shows (as text, and as HTML of a table), its figures by title."""

    printed: str = ""
    shown: str = ""
    table: str = ""
    drawn: Mapping[str, bytes] = field(default_factory=dict)


def executed(notebook: Path) -> list[Output]:
    """The output of each cell, none for a text; a cell that fails ends this."""
    import matplotlib

    matplotlib.use("Agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    outputs = []
    for number, (kind, source) in enumerate(cells(notebook)):
        with contextlib.chdir(notebook.parent):  # where a notebook server starts one
            outputs.append(_run(source, names, f"{notebook.name}, cell {number}") if kind == "code" else Output())
    return outputs


def cells(notebook: Path) -> list[tuple[str, str]]:
    """Kind and source of each cell."""
    content = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in content]


def write_page(notebook: Path, outputs: Sequence[Output], folder: Path) -> Path:
    """Write ``notebook`` with its outputs as NAME.md, figures beside it, to ``folder``; the page."""
    pieces = []
    for number, ((kind, source), output) in enumerate(zip(cells(notebook), outputs, strict=True)):
        pieces.append(f"```python\n{source}\n```" if kind == "code" else source)
        if said := f"{output.printed}{output.shown}".strip("\n"):
            # Sentences wrap on a phone (site.css); a table keeps its columns and moves in its frame.
            prose = max(map(len, said.splitlines())) > _WIDEST_TABLE
            pieces.append(f"```{'text' if prose else 'none'}\n{said}\n```")
        for at, (title, png) in enumerate(output.drawn.items(), start=1):
            name = f"{notebook.stem}-{number}-{at}.png"
            (folder / name).write_bytes(png)
            pieces.append(f"![{title}]({name})")
    page = folder / f"{notebook.stem}.md"
    page.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")
    return page


def _run(source: str, names: dict[str, Any], where: str) -> Output:
    """As a notebook has it: the last line shows if it is an expression that no semicolon ends."""
    tree = ast.parse(source, where)
    quiet = source.rstrip().endswith(";")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) and not quiet else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, where, "exec"), names)
        value = None if last is None else eval(compile(ast.Expression(last.value), where, "eval"), names)
    shown = "" if value is None else getattr(value, "to_string", value.__repr__)()
    table = value._repr_html_() if hasattr(value, "_repr_html_") else ""
    return Output(printed.getvalue(), shown, table, _drawn())


def _drawn() -> dict[str, bytes]:
    """The figures that the cell left open, closed: what their titles say -> PNG."""
    import matplotlib.pyplot as plt

    figures = {}
    for number in plt.get_fignums():
        figure, file = plt.figure(number), io.BytesIO()
        # Without the version of Matplotlib, which would change the file with every release.
        figure.savefig(file, format="png", bbox_inches="tight", dpi=_DPI, metadata={"Software": None})
        figures["; ".join(axes.get_title() for axes in figure.axes if axes.get_title()) or "a figure"] = file.getvalue()
    plt.close("all")
    return figures
