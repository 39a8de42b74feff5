"""Is the panel, cell by cell, what the services served?"""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import norm

from bri_bayes.app.official_data import FetchRequest, fetch, planned_calls
from bri_bayes.core.errors import InputError
from bri_bayes.data.official.bilateral import bilateral_questions, read_bilateral
from bri_bayes.data.official.check import check_panel
from bri_bayes.data.official.sources import load_sources

from .conftest import NINE
from .loopback import KEY, World, services, status, swiid_rows

FLOW = {"X": "export", "M": "import"}
GROUPS = ("54", "59", "75", "76", "77", "792", "87")
YEARS = range(2003, 2024)
# Sums of the same numbers in another order.
SAME_SUM = 1e-12


def test_the_panel_is_cell_by_cell_what_the_services_served(fetched_nine: tuple[World, FetchRequest]) -> None:
    world, request = fetched_nine
    panel = pd.read_csv(request.out / "panel.csv", dtype={"iso3": str}).set_index(["iso3", "year"])
    served = {key[:5]: key[5] for key in world.trade}
    assert sorted(panel.index) == sorted((iso3, year) for iso3 in NINE for year in YEARS)
    for iso3, year in panel.index:
        row = panel.loc[iso3, year]
        totals = {}
        for letter, flow in FLOW.items():
            revision = "S3" if year < 2007 else "S4"
            cells = {group: served.get((revision, iso3, year, letter, group)) for group in GROUPS}
            reported = [value for value in cells.values() if value is not None]
            for group, value in cells.items():
                _same(row[f"{flow}_{group}_usd"], (value or 0.0) if reported else None)
            totals[flow] = sum(reported) if reported else None
            _same(row[f"{flow}_usd"], totals[flow])
            _same(row[f"ln{flow}"], math.log(totals[flow]) if totals[flow] else None)
        both = None if None in totals.values() else totals["export"] + totals["import"]
        _same(row["total_usd"], both)
        _same(row["lntotal"], math.log(both) if both else None)


def test_covariates_are_the_services_numbers_under_the_papers_names(fetched_nine: tuple[World, FetchRequest]) -> None:
    world, request = fetched_nine
    panel = pd.read_csv(request.out / "panel.csv").set_index(["iso3", "year"])
    gini = {(iso3, year): (mean, se) for iso3, year, mean, se in swiid_rows()}
    for iso3, year in panel.index:
        row = panel.loc[iso3, year]

        def of(code: str, iso3: str = iso3, year: int = year) -> float | None:
            return world.series[code, iso3, year]

        def log(value: float | None) -> float | None:
            return None if value is None else math.log(value)

        def share(value: float | None) -> float | None:
            return None if value is None else value / 100

        _same(row["population"], of("SP.POP.TOTL"))
        _same(row["lnppl"], log(of("SP.POP.TOTL")))
        _same(row["lnpgdp"], log(of("NY.GDP.PCAP.KD")))
        _same(row["lnrail"], log(of("IS.RRS.TOTL.KM")))
        _same(row["growth"], share(of("NY.GDP.MKTP.KD.ZG")))
        _same(row["industry"], share(of("NV.IND.TOTL.ZS")))
        _same(row["open"], share(of("NE.TRD.GNFS.ZS")))
        _same(row["inflation"], share(of("FP.CPI.TOTL.ZG")))
        _same(row["infra"], share(of("IT.NET.USER.ZS")))
        both = of("GOV_WGI_GE.EST"), of("GOV_WGI_RL.EST")
        _same(row["institution"], None if None in both else sum(both) / 2)
        _same(row["transport"], of("LP.LPI.OVRL.XQ"))
        _same(row["inequality"], gini.get((iso3, year), (None, None))[0])
        _same(row["inequality_se"], gini.get((iso3, year), (None, None))[1])
        if (iso3, year) in gini:
            assert row["theil_lognormal"] == pytest.approx(norm.ppf(0.5 + gini[iso3, year][0] / 200) ** 2)
        assert pd.isna(row["theil_lognormal_se"]) == ((iso3, year) not in gini)
    assert not [name for name in panel if "road" in name]


def test_the_overlap_compares_both_revisions_group_by_group(fetched_nine: tuple[World, FetchRequest]) -> None:
    world, request = fetched_nine
    overlap = pd.read_csv(request.out / "overlap.csv", dtype={"group": str}).set_index(["group", "flow", "year"])
    served = {key[:5]: key[5] for key in world.trade if key[1] != "SCG"}
    assert sorted(overlap.index) == sorted((g, f, y) for g in GROUPS for f in FLOW.values() for y in (2007, 2008, 2009))
    for (group, flow, year), row in overlap.iterrows():
        letter = "M" if flow == "import" else "X"
        pairs = [
            (served["S3", iso3, year, letter, group], served["S4", iso3, year, letter, group])
            for iso3 in NINE
            if ("S3", iso3, year, letter, group) in served and ("S4", iso3, year, letter, group) in served
        ]
        _same(row["S3_usd"], sum(before for before, _ in pairs))
        _same(row["ratio"], sum(after for _, after in pairs) / sum(before for before, _ in pairs))
        assert row["partners_in_both"] == len(pairs)


def test_the_later_revision_counts_from_its_first_year_on(fetched_nine: tuple[World, FetchRequest]) -> None:
    _, request = fetched_nine
    groups = pd.read_csv(request.out / "groups.csv")
    assert set(groups.loc[groups["year"] < 2007, "classification"]) == {"S3"}
    assert set(groups.loc[groups["year"] >= 2007, "classification"]) == {"S4"}


def test_serbia_and_montenegro_is_no_part_of_serbia(fetched_nine: tuple[World, FetchRequest]) -> None:
    world, request = fetched_nine
    panel = pd.read_csv(request.out / "panel.csv").set_index(["iso3", "year"])
    ended = pd.read_csv(request.out / "predecessors.csv")
    assert panel.loc[("SRB", 2005), ["export_usd", "import_usd"]].isna().all()
    assert set(ended["iso3"]) == {"SCG"}
    assert set(ended["year"]) == {2003, 2004, 2005, 2006}
    served = sum(key[5] for key in world.trade if key[1] == "SCG" and key[0] == "S3")
    assert ended["value_usd"].sum() == pytest.approx(served, rel=SAME_SUM)
    assert "SCG" not in panel.index.get_level_values(0)


def test_a_key_asks_for_twelve_years_at_once_and_gives_the_same_panel(
    request_nine: FetchRequest, world: World, tmp_path: Path
) -> None:
    without = fetch(request_nine).panel.read_bytes()
    asked = sum("/preview/C/A/" in call for call in world.calls)
    world.calls.clear()
    key_file = tmp_path / "key"
    key_file.write_text(f"{KEY}\n")
    keyed = dataclasses.replace(request_nine, out=tmp_path / "keyed", key_file=key_file)
    assert fetch(keyed).panel.read_bytes() == without
    assert asked == 24
    assert sum("/get/C/A/" in call for call in world.calls) == 3
    assert KEY not in "".join(world.calls)
    assert all(KEY.encode() not in path.read_bytes() for path in keyed.out.rglob("*") if path.is_file())


def test_all_partners_are_fetched_as_donors(world: World, tmp_path: Path) -> None:
    with services(world, tmp_path) as sources:
        request = FetchRequest(out=tmp_path / "official", sources=sources, years=(2006, 2008))
        panel = pd.read_csv(fetch(request).panel, keep_default_na=False)
    assert panel["iso3"].nunique() > 240
    assert {"USA", "TWN", "NAM", *NINE} <= set(panel["iso3"])
    assert "CHN" not in set(panel["iso3"])
    assert not panel.loc[panel["iso3"] == "USA", "export_usd"].eq("").any()


def test_imputed_cells_are_listed_and_nothing_else_differs(fetched_nine: tuple[World, FetchRequest]) -> None:
    _, request = fetched_nine
    keys = ["iso3", "year"]
    observed = pd.read_csv(request.out / "panel.csv").set_index(keys)
    filled = pd.read_csv(request.out / "panel_imputed.csv").set_index(keys)
    listed = pd.read_csv(request.out / "imputed_cells.csv")
    differs = {
        (iso3, year, name)
        for name in observed
        for (iso3, year), before in observed[name].items()
        if pd.isna(before) and not pd.isna(filled.loc[(iso3, year), name])
    }
    assert differs == set(listed[["iso3", "year", "variable"]].itertuples(index=False, name=None))
    assert differs
    pd.testing.assert_frame_equal(filled.where(observed.notna()), observed.where(observed.notna()))
    assert {"transport"} <= set(listed["variable"])
    assert not {"lnexport", "lnimport", "export_usd"} & set(listed["variable"])
    lpi = observed["transport"].loc["KAZ"]
    between = [year for year in (2008, 2009) if not pd.isna(lpi[2007]) and not pd.isna(lpi[2010])]
    for year in between:
        line = lpi[2007] + (lpi[2010] - lpi[2007]) * (year - 2007) / 3
        _same(filled.loc[("KAZ", year), "transport"], line)


def test_the_manifest_says_what_was_asked_when_and_what_came(fetched_nine: tuple[World, FetchRequest]) -> None:
    _, request = fetched_nine
    manifest = json.loads((request.out / "manifest.json").read_text())
    answers = manifest["answers"]
    assert {answer["source"] for answer in answers} == {"comtrade", "world_bank", "swiid"}
    assert all(len(answer["sha256"]) == 64 and answer["asked_at"].startswith("20") for answer in answers)
    assert manifest["vintage"]["GOV_WGI_GE.EST"] == "2026-01-28"
    assert any("road density" in note for note in manifest["notes"])


def test_what_is_stored_is_not_asked_again_and_refresh_asks(request_nine: FetchRequest, world: World) -> None:
    first = fetch(request_nine)
    before = (request_nine.out / "panel.csv").read_bytes()
    world.calls.clear()
    again = fetch(request_nine)
    assert (again.asked, again.stored) == (0, first.asked)
    assert world.calls == []
    assert (request_nine.out / "panel.csv").read_bytes() == before
    refreshed = fetch(dataclasses.replace(request_nine, refresh=True))
    assert refreshed.asked == first.asked == len(world.calls)


def test_the_mirror_is_what_the_partners_report_of_chinas_flows(request_nine: FetchRequest, world: World) -> None:
    mirror = dataclasses.replace(request_nine, partners=("KAZ", "TKM"), years=(2006, 2008), mirror=True)
    panel = pd.read_csv(fetch(mirror).panel).set_index(["iso3", "year"])
    for iso3, year in panel.index:
        for letter, flow in {"M": "export", "X": "import"}.items():
            revision = "S3" if year < 2007 else "S4"
            reported = [value for *key, _, value in world.mirrored if key == [revision, iso3, year, letter]]
            _same(panel.loc[(iso3, year), f"mirror_{flow}_usd"], sum(reported) if reported else None)
    assert panel.loc["TKM", "mirror_export_usd"].isna().all()
    disagree = [finding.text for finding in check_panel(mirror.out / "panel.csv") if finding.rule == "reporters"]
    assert [text.split(":")[0] for text in disagree] == [
        f"{flow}_usd against mirror_{flow}_usd" for flow in ("export", "import")
    ]


def test_with_a_key_the_services_own_pairs_give_the_partners_report(
    request_nine: FetchRequest, world: World, tmp_path: Path
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(KEY)
    asked = dataclasses.replace(request_nine, partners=("KAZ", "TKM"), years=(2006, 2008), bilateral=True)
    with pytest.raises(InputError, match="--bilateral needs a key of UN Comtrade"):
        fetch(asked)
    assert world.calls == []
    panel = pd.read_csv(fetch(dataclasses.replace(asked, key_file=key_file)).panel).set_index(["iso3", "year"])
    assert KEY not in "".join(world.calls)
    for iso3, year in panel.index:
        for letter, flow in FLOW.items():
            revision = "S3" if year < 2007 else "S4"
            pairs = [value for *key, _, value in world.paired if key == [revision, iso3, year, letter]]
            assert pairs
            _same(panel.loc[(iso3, year), f"bilateral_{flow}_usd"], sum(pairs) if None not in pairs else None)
    assert panel.loc["KAZ", "bilateral_export_usd"].notna().all()


def test_an_answer_in_pairs_is_checked_as_others_are(world: World, request_nine: FetchRequest) -> None:
    table = load_sources(request_nine.sources).comtrade
    question = next(bilateral_questions(table, ("KAZ",), range(2007, 2009)))
    row = {"period": "2007", "reporterCode": 156, "flowCode": "X", "partnerCode": 398, "cmdCode": "54"}
    row["mirrorPrimaryValue"] = 2.0
    renamed = {name: value for name, value in row.items() if name != "mirrorPrimaryValue"}
    for rows, sentence in (
        ([{**row, "partnerCode": 417}], "the row 417 2007 X 54 of reporter 156 was not asked for"),
        ([{**row, "period": "2010"}], "the row 398 2010 X 54 of reporter 156 was not asked for"),
        ([row, row], "KAZ 2007 export 54 is there twice"),
        ([renamed], 'has no field "data.mirrorPrimaryValue" any more'),
    ):
        with pytest.raises(InputError, match=sentence):
            read_bilateral(question, json.dumps({"count": len(rows), "data": rows}).encode(), table)


def test_years_that_are_not_released_are_named_and_an_unknown_release_stops_nothing(
    request_nine: FetchRequest, world: World
) -> None:
    asked = dataclasses.replace(request_nine, partners=("KAZ",), years=(2008, 2010))
    world.unreleased = {2009}
    world.faults = {"getDA/C/A/S4": [status(404)]}
    notes = fetch(asked).notes
    assert [note.split(" (")[0] for note in notes[1:3]] == [
        "which years of SITC Rev. 4 are released is unknown",
        "UN Comtrade has released no trade of China in SITC Rev. 3 for 2009",
    ]
    notes = fetch(asked).notes
    assert "UN Comtrade has released no trade of China in SITC Rev. 4 for 2009" in notes
    released = json.loads((asked.out / "manifest.json").read_text())["released"]
    assert released["S4"]["2010"] == "2011-06-30T00:00:00"
    assert "2009" not in released["S4"]


def test_a_dry_run_lists_the_calls_and_asks_nothing(request_nine: FetchRequest, world: World) -> None:
    planned = planned_calls(request_nine)
    assert world.calls == []
    fetch(request_nine)
    assert [url.split("/", 3)[3] for url in planned] == [call[1:] for call in world.calls]


def _same(cell: float, expected: float | None) -> None:
    if expected is None:
        assert pd.isna(cell)
    else:
        assert cell == pytest.approx(expected, rel=SAME_SUM)
