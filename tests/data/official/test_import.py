"""Does a file that a person downloaded give the numbers that are in it, and is a file that cannot be read refused?"""

from __future__ import annotations

import itertools
import json
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bri_bayes.app.official_import import import_files
from bri_bayes.app.trade_and_inequality import measure_quality
from bri_bayes.core.errors import GateError, InputError

from ...conftest import SHARED

REAL_PANEL = SHARED / "data" / "real_panel" / "china_partners_2000_2023.csv"
MORE = SHARED / "data" / "more"
needs_more = pytest.mark.skipif(not MORE.is_dir(), reason="the shared data are not here")
# PROVENANCE.md of the extract: ratios of its sums to the IMF's exports lie in 0.977 to 1.007, their median is 0.9994.
IMF_RANGE, IMF_MEDIAN = (0.9765, 1.0075), 0.9994


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _imported(tmp_path: Path, *paths: Path) -> pd.DataFrame:
    panel = import_files(paths, tmp_path / "out").panel
    return pd.read_csv(panel, keep_default_na=False, na_values={"year": []}).set_index(["iso3", "year"])


COMTRADE = """refYear,flowCode,partnerISO,classificationCode,cmdCode,customsCode,motCode,partner2Code,primaryValue
2010,X,KAZ,S4,54,C00,0,0,5.5
2010,X,KAZ,S4,54,C00,1000,0,5.5
2010,M,KAZ,S4,TOTAL,C00,0,0,7
2010,X,S19,S4,54,C00,0,0,3
2010,X,W00,S4,54,C00,0,0,900
"""
WORLD_BANK = """Country Name,Country Code,Indicator Name,Indicator Code,2010,2011
Kazakhstan,KAZ,"Population, total",SP.POP.TOTL,16321872,16557201
Kazakhstan,KAZ,Something else,XX.YY,1,2
World,WLD,"Population, total",SP.POP.TOTL,1,2
"""
SWIID = "country,year,gini_disp,gini_disp_se\nKazakhstan,2010,30.1,1.2\nKyrgyzstan,2011,31.5,NA\nAtlantis,2011,30,1\n"


def test_a_file_of_comtrades_own_page_gives_its_sums_without_details(tmp_path: Path) -> None:
    panel = _imported(tmp_path, _written(tmp_path / "c.csv", COMTRADE))
    assert panel.loc[("KAZ", 2010), "export_54_usd"] == 5.5
    assert panel.loc[("KAZ", 2010), "all_goods_import_usd"] == "7.0"
    assert panel.loc[("TWN", 2010), "export_54_usd"] == 3
    assert len(panel) == 2


def test_files_of_several_sources_become_one_panel(tmp_path: Path) -> None:
    world_bank = _written(tmp_path / "w.csv", WORLD_BANK)
    panel = _imported(tmp_path, _written(tmp_path / "s.csv", SWIID), world_bank)
    assert float(panel.loc[("KAZ", 2011), "population"]) == 16557201
    # The World Bank's file names the country that SWIID does not code; sources.toml names the other.
    assert float(panel.loc[("KAZ", 2010), "inequality"]) == 30.1
    assert float(panel.loc[("KGZ", 2011), "inequality"]) == 31.5
    assert set(panel.index.get_level_values(0)) == {"KAZ", "KGZ"}
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert [entry["taken_for"] for entry in manifest["inputs"]] == ["swiid", "world_bank"]
    assert "no code was found for Atlantis" in manifest["notes"][0]


def test_a_zip_of_baci_gives_chinas_flows_in_dollars(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "baci.zip", "w") as archive:
        archive.writestr(
            "BACI_Y2010.csv",
            "t,i,j,k,v,q\n2010,156,398,300490,2.5,1\n2010,156,398,847130,1,NA\n2010,398,156,270900,4,9\n",
        )
        archive.writestr("country_codes.csv", "country_code,country_iso3\n398,KAZ\n156,CHN\n")
    panel = _imported(tmp_path, tmp_path / "baci.zip")
    assert panel.loc[("KAZ", 2010), ["baci_export_usd", "baci_import_usd"]].tolist() == [3500.0, 4000.0]
    names = ["baci_hightech_export_usd", "baci_hightech_export_54_usd", "baci_hightech_export_77_usd"]
    assert panel.loc[("KAZ", 2010), names].tolist() == [3500.0, 2500.0, 0.0]
    assert panel.loc[("KAZ", 2010), "baci_hightech_import_usd"] == 0.0
    notes = json.loads((tmp_path / "out" / "manifest.json").read_text())["notes"]
    assert "no quality_exp: none of 2 rows can be used" in notes[0]
    # The folder that was unpacked from it gives the same, and the manifest has a hash of each of its files.
    with zipfile.ZipFile(tmp_path / "baci.zip") as archive:
        archive.extractall(tmp_path / "baci")
    pd.testing.assert_frame_equal(_imported(tmp_path, tmp_path / "baci"), panel)
    inputs = json.loads((tmp_path / "out" / "manifest.json").read_text())["inputs"]
    assert [(entry["file"], len(entry["sha256"])) for entry in inputs] == [
        ("BACI_Y2010.csv", 64), ("country_codes.csv", 64),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a,b\n1,2\n", "is none of the files that can be imported"),
        ("iso3,year,x\nKAZ,2010,1\nKAZ,2010,2\n", "KAZ 2010 is there twice"),
        ("iso3,year,flow,classification,code,value_usd\nKAZ,2010,both,SITC,54,2\n", 'the flow "both" is unknown'),
        (COMTRADE + "2010,X,KAZ,S3,54,C00,0,0,5\n", "KAZ 2010 export_54_usd is there twice"),
        ("Country Name,Country Code,Indicator Code,2010\nA,KAZ,XX.YY,1\n", "none of its series"),
        ("country,year,gini_disp,gini_disp_se\nKyrgyzstan,2010,310,1\n", "is not the summary file of SWIID"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        import_files([_written(tmp_path / "x.csv", text)], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_truncated_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "baci.zip", "w") as archive:
        archive.writestr("BACI_Y2010.csv", "t,i,j,k,v,q\n2010,156,398,300490,2.5,1\n" * 100)
    whole = (tmp_path / "baci.zip").read_bytes()
    (tmp_path / "baci.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"baci.zip"):
        import_files([tmp_path / "baci.zip"], tmp_path / "out")


def test_two_files_with_one_column_are_refused(tmp_path: Path) -> None:
    files = [_written(tmp_path / name, "iso3,year,x\nKAZ,2010,1\n") for name in ("a.csv", "b.csv")]
    with pytest.raises(InputError, match=r'b.csv and .*a.csv both have the column "x"'):
        import_files(files, tmp_path / "out")


def test_a_broken_rule_leaves_the_earlier_panel(tmp_path: Path) -> None:
    import_files([_written(tmp_path / "a.csv", "iso3,year,export_usd\nKAZ,2010,1\n")], tmp_path / "out")
    before = (tmp_path / "out" / "panel.csv").read_bytes()
    with pytest.raises(GateError, match="ROM is ROU today"):
        import_files([_written(tmp_path / "b.csv", "iso3,year,export_usd\nROM,2010,1\n")], tmp_path / "out")
    assert (tmp_path / "out" / "panel.csv").read_bytes() == before


@pytest.mark.real
@needs_more
def test_the_extract_of_comtrade_agrees_with_the_imf_as_its_provenance_says(tmp_path: Path) -> None:
    extract = pd.read_csv(import_files([MORE / "china_sitc4_2digit_10partners_2010_2018.csv"], tmp_path / "out").panel)
    imf = pd.read_csv(REAL_PANEL, keep_default_na=False).set_index(["iso3", "year"])["dots_export_fob_musd"]
    sums = extract.set_index(["iso3", "year"])["all_goods_export_usd"]
    ratio = sums / (pd.to_numeric(imf).reindex(sums.index) * 1e6)
    assert len(ratio) == 90
    assert ratio.between(*IMF_RANGE).all()
    assert ratio.median() == pytest.approx(IMF_MEDIAN, abs=5e-5)


@pytest.mark.real
def test_products_of_baci_give_the_quality_that_the_command_measures(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    lines = ["t,i,j,k,v,q"]
    for year, partner, code in itertools.product(
        (2010, 2011), (398, 417, 762), ("300490", "847130", "851712", "270900")
    ):
        quantity, price = rng.lognormal(2, 1), rng.lognormal(1, 0.3)
        lines.append(f"{year},156,{partner},{code},{quantity * price:.6f},{quantity:.6f}")
    (tmp_path / "baci.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "baci").mkdir()
    (tmp_path / "baci.csv").rename(tmp_path / "baci" / "BACI.csv")
    (tmp_path / "baci" / "country_codes.csv").write_text(
        "country_code,country_iso3\n398,KAZ\n417,KGZ\n762,TJK\n156,CHN\n"
    )
    panel = _imported(tmp_path, tmp_path / "baci")
    asked = measure_quality(tmp_path / "baci", products=("30", "84", "85"), flow="export").frame
    measured = asked.set_index(["unit", "period"])["quality_exp"]
    np.testing.assert_allclose(panel["quality_exp"], measured, atol=1e-9)
    assert panel["quality_exp"].abs().max() > 0.01
    assert "quality_imp" not in panel
    notes = json.loads((tmp_path / "out" / "manifest.json").read_text())["notes"]
    assert "quality_exp: 18 rows of high technology, sigma 5, log points, mean weighted by value" in notes


@needs_more
def test_the_extract_of_baci_has_its_known_sum(tmp_path: Path) -> None:
    panel = pd.read_csv(import_files([MORE / "baci_kaz_to_china_2021_hs6.csv"], tmp_path / "out").panel)
    assert panel[["iso3", "year"]].to_numpy().tolist() == [["KAZ", 2021]]
    assert panel["all_goods_import_usd"].item() == pytest.approx(10_731.7e6, abs=5e4)
    groups = panel.filter(regex=r"^hightech_import_\d+_usd$")
    assert groups.shape[1] == 7
    assert groups.sum(axis=1).item() == pytest.approx(panel["hightech_import_usd"].item())
    assert 0 < panel["hightech_import_usd"].item() < 0.01 * panel["all_goods_import_usd"].item()


@pytest.mark.real
@needs_more
def test_the_real_panel_and_its_mechanisms_are_imported_cell_by_cell(tmp_path: Path) -> None:
    mechanisms = MORE / "mechanisms_china_partners_2000_2023.csv"
    imported = pd.read_csv(import_files([REAL_PANEL, mechanisms], tmp_path / "out").panel, keep_default_na=False)
    imported = imported.replace("", float("nan")).set_index(["iso3", "year"])
    for path in (REAL_PANEL, mechanisms):
        given = pd.read_csv(path, keep_default_na=False).replace("", float("nan")).set_index(["iso3", "year"])
        for name in given:
            pd.testing.assert_series_equal(
                pd.to_numeric(imported[name].reindex(given.index)), pd.to_numeric(given[name]), check_dtype=False
            )
