"""What does a notebook give today? Its cells run in order, and a page with what each prints, shows and draws."""

from __future__ import annotations

import ast
import contextlib
import io
import json
from pathlib import Path
from typing import Any

# A line that is longer is a sentence.
_WIDEST_TABLE = 120


def write_page(notebook: Path, folder: Path) -> Path:
    """Run ``notebook`` and write it with its outputs as NAME.md, figures beside it, to ``folder``; the page.

    A cell that fails ends the build, so no page shows numbers that its code does not give.
    """
    import matplotlib

    matplotlib.use("Agg")
    names: dict[str, Any] = {"__name__": "__main__"}
    pieces = []
    for number, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            pieces.append(source)
            continue
        pieces.append(f"```python\n{source}\n```")
        with contextlib.chdir(notebook.parent):  # where a notebook server starts one
            said = _run(source, names, f"{notebook.name}, cell {number}")
        if said:
            # Sentences wrap on a phone (site.css); a table keeps its columns and moves in its frame.
            prose = max(map(len, said.splitlines())) > _WIDEST_TABLE
            pieces.append(f"```{'text' if prose else 'none'}\n{said}\n```")
        drawn = _drawn(folder, f"{notebook.stem}-{number}")
        pieces += [f"![{title}]({name})" for name, title in drawn.items()]
    page = folder / f"{notebook.stem}.md"
    page.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")
    return page


def _run(source: str, names: dict[str, Any], where: str) -> str:
    """What the cell prints, and its last line shows if that is an expression, as a notebook has it."""
    tree = ast.parse(source, where)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, where, "exec"), names)
        value = None if last is None else eval(compile(ast.Expression(last.value), where, "eval"), names)
    drawing = type(value).__module__.startswith("matplotlib")
    shown = "" if value is None or drawing else getattr(value, "to_string", value.__repr__)()
    return f"{printed.getvalue()}{shown}".strip("\n")


def _drawn(folder: Path, name: str) -> dict[str, str]:
    """The figures that the cell left open, written and closed: file name -> what their titles say."""
    import matplotlib.pyplot as plt

    files = {}
    for number in plt.get_fignums():
        figure = plt.figure(number)
        file = f"{name}-{number}.png"
        figure.savefig(folder / file, bbox_inches="tight", dpi=100)
        files[file] = "; ".join(axes.get_title() for axes in figure.axes if axes.get_title()) or "a figure"
    plt.close("all")
    return files
