"""Do blocks and lines give the same flows, and does a fault get its sentence?"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data import baci_stream, trade, trade_files
from bri_bayes.data.baci_stream import UnreadableError, flows_of

ROWS = 4000


def _release(rng: np.random.Generator) -> str:
    """Made-up flows in the layout of a release: quantities right-aligned, some NA."""
    lines = ["t,i,j,k,v,q"]
    for year, i, j, k in zip(
        rng.integers(2010, 2013, ROWS), rng.choice([156, 398, 496, 4], ROWS), rng.choice([156, 398, 112], ROWS),
        rng.integers(10000, 980000, ROWS), strict=True,
    ):  # fmt: skip
        quantity = f"{'NA':>12}" if rng.random() < 0.1 else f"{rng.lognormal(2, 2):12.3f}"
        lines.append(f"{year},{i},{j},{k:06d},{rng.lognormal(3, 2):.3f},{quantity}")
    return "\n".join(lines) + "\n"


def _by_hand(text: str, years: tuple[int, int] | None) -> list[tuple[str, int, str, str, float]]:
    """The flows of China of a release, one line after the other."""
    rows = []
    for line in text.splitlines()[1:]:
        year, exporter, importer, product, value, _ = line.split(",")
        if "156" in (exporter, importer) and (years is None or years[0] <= int(year) <= years[1]):
            flow, partner = ("export", importer) if exporter == "156" else ("import", exporter)
            rows.append((flow, int(year), f"{int(partner):03d}", product, float(value)))
    return rows


@pytest.mark.parametrize("years", [None, (2011, 2012)])
def test_blocks_and_lines_give_the_same_flows(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch, years: tuple[int, int] | None
) -> None:
    text = _release(rng).encode()
    monkeypatch.setattr(baci_stream, "BLOCK", 1 << 14)
    assert len(list(flows_of(io.BytesIO(text), 156, years))) > 1
    by_blocks = trade._together(trade._baci(io.BytesIO(text), "x", 156, years))
    by_lines = trade._together(list(trade._baci_by_lines(io.BytesIO(text), "x", 156, years)))
    pd.testing.assert_frame_equal(by_blocks, by_lines, check_dtype=False)
    plain = _by_hand(text.decode(), years)
    assert (
        list(
            by_blocks.astype({"unit": str, "product": str, "flow": str})
            .drop(columns="quantity")
            .itertuples(index=False, name=None)
        )
        == plain
    )
    assert by_blocks["quantity"].isna().any()
    assert len(by_blocks) > 0


@pytest.mark.parametrize("line", ["2010,156,398,300490,2.5", "2010,156,398,300490,2.5,many", "2010,156,x,300490,2,1"])
def test_a_fault_is_left_to_the_reader_that_says_where(line: str) -> None:
    with pytest.raises(UnreadableError, match=r"."):
        list(flows_of(io.BytesIO(f"t,i,j,k,v,q\n2010,156,398,300490,2.5,1\n{line}\n".encode()), 156, None))


def test_a_table_takes_a_few_bytes_a_row_and_not_a_text_a_key(rng: np.random.Generator, tmp_path: Path) -> None:
    lines = [line.rsplit(",", 2)[0] for line in _release(rng).splitlines()[1:]]
    path = tmp_path / "BACI_HS02_Y2010_V1.csv"
    path.write_text("t,i,j,k,v,q\n" + "".join(f"{line},1.5,2.5\n" for line in dict.fromkeys(lines)))
    table = trade.read_trade(path)
    numbers = 8 + 8 + 4
    # Flow, unit and product are positions of one, one and two bytes.
    assert table.dtypes[["flow", "unit", "product"]].eq("category").all()
    assert sum(table[name].cat.codes.nbytes for name in ("flow", "unit", "product")) == 4 * len(table)
    assert table.drop(columns=["flow", "unit", "product"]).memory_usage(index=False).sum() == numbers * len(table)
    assert all(table[name].cat.categories.is_monotonic_increasing for name in ("flow", "unit", "product"))


def test_countries_that_get_the_same_code_and_product_are_told(tmp_path: Path) -> None:
    path, codes = tmp_path / "BACI_HS02_Y2010_V1.csv", tmp_path / "codes.csv"
    path.write_text("t,i,j,k,v,q\n2010,156,398,300490,1,1\n2010,156,496,300490,1,1\n2010,156,112,300490,1,1\n")
    codes.write_text("country_code,country_iso3\n398,KAZ\n496,KAZ\n")
    with pytest.raises(InputError, match=r"1 rows repeat a flow, .* the first is export 2010 KAZ 300490"):
        trade.read_trade(path, countries=codes)
    codes.write_text("country_code,country_iso3\n398,MNG\n496,KAZ\n")
    assert trade.read_trade(path, countries=codes)["unit"].tolist() == ["MNG", "KAZ", "112"]


def test_a_zip_and_its_folder_give_the_same_table_whatever_the_number_of_threads(
    rng: np.random.Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = dict.fromkeys(line.rsplit(",", 2)[0] for line in _release(rng).splitlines()[1:])
    folder, archive = tmp_path / "BACI_HS02", tmp_path / "BACI_HS02.zip"
    folder.mkdir()
    for year in (2010, 2011, 2012):
        rows = "".join(f"{line},1.5,NA\n" for line in lines if line.startswith(str(year)))
        (folder / f"BACI_HS02_Y{year}_V1.csv").write_text(f"t,i,j,k,v,q\n{rows}")
    (folder / "country_codes_V1.csv").write_text("country_code,country_iso3\n398,KAZ\n496,MNG\n112,BLR\n4,AFG\n")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in folder.iterdir():
            packed.write(file, file.name)
    tables = []
    for processors in (1, 3):
        monkeypatch.setattr(trade_files, "processors", lambda n=processors: n)
        tables += [trade.read_trade(folder), trade.read_trade(archive)]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(tables[0], table)
    assert set(tables[0]["unit"]) >= {"KAZ", "MNG", "BLR", "AFG"}
    assert tables[0]["period"].is_monotonic_increasing
    # The first file with a fault is named, not the first that a thread came to.
    for year in (2011, 2012):
        (folder / f"BACI_HS02_Y{year}_V1.csv").write_text(f"t,i,j,k,v,q\n{year},4,8,1,1,1\n{year},156,8,1,1\n")
    with pytest.raises(InputError, match=r"BACI_HS02_Y2011_V1\.csv: row 3 has fewer fields"):
        trade.read_trade(folder)
