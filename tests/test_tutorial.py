"""The tutorial runs as it is written."""

import re
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).resolve().parents[1] / "docs" / "tutorial.md"


@pytest.mark.nuts
def test_every_block_of_the_tutorial_runs_and_the_engines_agree(capsys, monkeypatch):
    monkeypatch.chdir(TUTORIAL.parents[1])
    blocks = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 6
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(TUTORIAL), "exec"), names)
    att = names["bb"].att
    closed, sampled = (att(names[fit]) for fit in ("fit", "sampled"))
    assert abs(float(closed.mean() - sampled.mean())) < 0.2 * float(sampled.std())
    assert "permutation" in capsys.readouterr().out
