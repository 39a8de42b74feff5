"""Are the outputs that a notebook keeps those that its code gives? Run this file to write them anew (a minute).

python docs/kept_outputs.py [NOTEBOOK ...]

They are small, for a reader on GitHub: texts, tables and the last figure. Nothing is kept that changes from run to run.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from executed import Output, executed

EXAMPLES = Path(__file__).parents[1] / "examples"
_NUMBER = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?")
# Another processor rounds otherwise, and chains that begin alike then go ways of their own: so many units of the last
# digit, or such a share, are Monte Carlo error and not another code.
_DIGITS, _SHARE = 2, 0.15


def examples() -> list[Path]:
    """The notebooks of the project."""
    return sorted(EXAMPLES.glob("*.ipynb"))


def stale(notebook: Path, outputs: Sequence[Output]) -> str | None:
    """The first cell whose kept output is not ``outputs``, in a sentence; None where all are.

    Words, counts and years are compared; numbers up to Monte Carlo error; of a figure only whether it is drawn.
    """
    content = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    for number, (cell, now) in enumerate(zip(content, _as_kept(outputs), strict=True)):
        before, after = list(_read(cell.get("outputs", []))), list(_read(now))
        if len(before) != len(after) or not all(map(_agree, before, after)):
            return (
                f"{notebook.name}, cell {number} keeps outputs that its code does not give; "
                f"python docs/kept_outputs.py writes them anew.\nkept: {before}\nnow: {after}"
            )
    return None


def write(notebook: Path, outputs: Sequence[Output]) -> Path:
    """Keep ``outputs`` in ``notebook``, written as Jupyter writes it."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for number, (cell, now) in enumerate(zip(content["cells"], _as_kept(outputs), strict=True)):
        cell |= {"id": f"cell-{number}", "metadata": {}, "source": _lines("".join(cell["source"]))}
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": now}
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False)
    notebook.write_text(f"{text}\n", encoding="utf-8")
    return notebook


def _as_kept(outputs: Sequence[Output]) -> list[list[dict[str, Any]]]:
    """The outputs of each cell in the format of a notebook; of all figures the last."""
    last = max((number for number, output in enumerate(outputs) if output.drawn), default=None)
    return [list(_of_cell(output, with_figure=number == last)) for number, output in enumerate(outputs)]


def _of_cell(output: Output, *, with_figure: bool) -> Iterator[dict[str, Any]]:
    if output.printed:
        yield {"output_type": "stream", "name": "stdout", "text": _lines(output.printed)}
    if output.shown:
        data = {"text/plain": _lines(output.shown)}
        if output.table:
            data["text/html"] = _lines(output.table)
        yield {"output_type": "execute_result", "execution_count": None, "metadata": {}, "data": data}
    if with_figure:
        title, png = list(output.drawn.items())[-1]
        drawn = {"image/png": base64.b64encode(png).decode() + "\n", "text/plain": [title]}
        yield {"output_type": "display_data", "metadata": {}, "data": drawn}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def _read(outputs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """What a reader sees, a text each."""
    for output in outputs:
        data = output.get("data", {"stdout": output.get("text", "")})
        if "image/png" in data:
            yield "a figure"
        else:
            yield from ("".join(data[kind]) for kind in sorted(data))


def _agree(before: str, after: str) -> bool:
    """The same words, and numbers that are close."""
    words, words_now = (_NUMBER.sub("0", text).split() for text in (before, after))
    numbers, numbers_now = _NUMBER.findall(before), _NUMBER.findall(after)
    return words == words_now and len(numbers) == len(numbers_now) and all(map(_close, numbers, numbers_now))


def _close(kept: str, now: str) -> bool:
    """Counts and years are the same; what has a point, a sign or thousands differs by few last digits, or little."""
    decimals = len(kept.partition(".")[2])
    if len(now.partition(".")[2]) != decimals:
        return False
    if not re.search(r"[-.,]", kept + now):
        return kept == now
    first, second = (float(number.replace(",", "")) for number in (kept, now))
    return abs(first - second) <= max(_DIGITS * 10.0**-decimals, _SHARE * max(abs(first), abs(second))) + 1e-12


if __name__ == "__main__":
    for path in [Path(name).resolve() for name in sys.argv[1:]] or examples():
        print(write(path, executed(path)))
