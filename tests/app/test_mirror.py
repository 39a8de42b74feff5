"""A file with two reports of one flow goes in; the effect by either and by both comes out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from bri_bayes.cli.main import app


@pytest.fixture
def command(rng: np.random.Generator, tmp_path: Path) -> list[str]:
    """Exports of China and imports of six partners in twelve years, the latter four times as noisy."""
    file = tmp_path / "mirror.csv"
    rows = []
    for at, unit in enumerate("ABCDEF"):
        for year in range(2005, 2017):
            flow = at + 0.05 * (year - 2005) + rng.normal(0, 0.3)
            reports = np.exp(flow + rng.normal(0, 0.1)), np.exp(flow + 0.5 * at + rng.normal(0, 0.4))
            rows.append((unit, year, *reports))
    pd.DataFrame(rows, columns=["unit", "year", "by_china", "by_partner"]).to_csv(file, index=False)
    return [
        "mirror", str(file), "--outcome", "log(by_china)", "--second", "log(by_partner)", "--unit", "unit",
        "--period", "year", "--treated", "A,B,C", "--onset", "2011",
    ]  # fmt: skip


def test_the_command_gives_the_effect_by_either_report_and_by_both(command: list[str]) -> None:
    values = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    china, partner, both = values["rows"]
    assert [row["rows"] for row in values["rows"]] == [72, 72, 144]
    assert china["noise"]["mean"] < partner["noise"]["mean"]
    assert both["noise"] is None
    # Both together leave no wider an interval than the worse report.
    assert both["att"]["sd"] < partner["att"]["sd"]
    assert values["panel"]["kind"] == "user"
    text = CliRunner().invoke(app, command).stdout
    assert "both reports" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("second", "said"),
    [
        ("log(by_china)", "is the outcome itself"),
        ("by_partner", 'two reports are compared in logs: "log(by_partner)"'),
        ("log(by_partners)", 'there is no column "by_partners"'),
    ],
)
def test_a_second_report_that_is_none_is_refused(command: list[str], second: str, said: str) -> None:
    command[command.index("--second") + 1] = second
    result = CliRunner().invoke(app, command)
    assert result.exit_code != 0
    assert said in str(result.exception) + result.output
