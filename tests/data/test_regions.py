"""Tests of the regions of the M49 standard."""

from __future__ import annotations

from collections import Counter

import pytest

from bri_bayes.data.regions import regions


def test_the_standard_has_five_regions_17_subregions_and_22_finest_groups():
    rows = [row for row in regions().values() if row.region]
    assert {row.region for row in rows} == {"Africa", "Americas", "Asia", "Europe", "Oceania"}
    assert len({row.subregion for row in rows}) == 17
    assert len({row.finest for row in rows}) == 22


def test_every_group_has_the_number_of_countries_that_the_standard_lists():
    # The tables of the M49 standard, with Taiwan in Eastern Asia and Kosovo in Southern Europe, which it does not list.
    listed = {"Central Asia": 5, "Eastern Asia": 7 + 1, "Southern Asia": 9, "Western Asia": 18, "Eastern Europe": 10}
    listed |= {"Southern Europe": 16 + 1, "Caribbean": 28, "Eastern Africa": 22, "Micronesia": 8, "Polynesia": 10}
    counts = Counter(row.finest for row in regions().values())
    assert {name: counts[name] for name in listed} == listed


def test_the_treated_and_the_controls_of_the_paper_lie_where_the_standard_has_them():
    known = regions()
    assert {known[unit].subregion for unit in ("KAZ", "KGZ", "TJK", "TKM", "UZB")} == {"Central Asia"}
    controls = {"MNG": "Eastern Asia", "BLR": "Eastern Europe", "AZE": "Western Asia", "SRB": "Southern Europe"}
    assert {unit: known[unit].subregion for unit in controls} == controls
    assert (known["MOZ"].finest, known["MEX"].finest) == ("Eastern Africa", "Central America")


@pytest.mark.real
def test_every_country_of_the_real_panel_has_a_region(shared):
    text = (shared / "data/real_panel/china_partners_2000_2023.csv").read_text("utf-8")
    codes = {line.split(",")[0] for line in text.splitlines()[1:]}
    assert len(codes) == 209
    assert all(regions()[code].subregion for code in codes)
