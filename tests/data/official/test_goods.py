"""Do the definitions of high technology have the codes that their sources have?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.official.goods import load_goods, product_group, sums_by_group

from ...conftest import SHARED

EXTRACT = SHARED / "data" / "more" / "baci_kaz_to_china_2021_hs6.csv"
# Counted in the two concordances of WITS: codes of six digits, headings of which all codes belong, headings in part.
COUNTED = {"sitc3": (579, 118, 9), "sitc4": (581, 116, 16)}


@pytest.mark.parametrize("name", COUNTED)
def test_a_definition_has_as_many_codes_and_headings_as_the_concordance(name: str) -> None:
    groups = load_goods(name).groups
    whole = {heading for group in groups.values() for heading in group.whole}
    part = {code[:4] for group in groups.values() for code in group.part}
    assert not whole & part
    assert (sum(group.codes or 0 for group in groups.values()), len(whole), len(part)) == COUNTED[name]
    for group in groups.values():
        assert (group.codes or 0) >= len(group.whole) + len(group.part)


def test_the_two_revisions_differ_in_the_codes_that_the_note_names() -> None:
    by_name = {name: load_goods(name).group_of() for name in COUNTED}
    codes = {code for groups in by_name.values() for code in groups if len(code) == 6}
    codes |= {"854210", "854311", "854381", "300670", "851721"}
    in_both = {code: [product_group(code, groups) for groups in by_name.values()] for code in codes}
    gained = {code for code, (before, after) in in_both.items() if before is None and after}
    assert gained == {"293359", "392690", "401511", "844351", "847989"}
    assert {code for code, (before, after) in in_both.items() if before and after is None} == {
        "854210",
        "854311",
        "854381",
    }
    assert in_both["851721"] == ["76", "75"]
    assert in_both["300670"] == ["59", "54"]


def test_sums_are_zero_without_a_row_of_a_group_and_missing_without_any() -> None:
    flows = pd.DataFrame(
        [
            ("KAZ", 2010, "export", "300490", 2.5),
            ("KAZ", 2010, "export", "300310", 1.0),
            ("KAZ", 2010, "export", "270900", 9.0),
            ("KAZ", 2010, "export", "901831", 4.0),
            ("MNG", 2010, "import", "260300", 7.0),
        ],
        columns=["unit", "period", "flow", "product", "value"],
    )
    sums = sums_by_group(flows, load_goods())
    row = sums.loc[("KAZ", 2010)]
    assert row[["hightech_export", "hightech_export_54", "hightech_export_87", "hightech_export_77"]].tolist() == [
        7.5, 3.5, 4.0, 0.0,
    ]  # fmt: skip
    assert row.filter(like="import").isna().all()
    assert sums.loc[("MNG", 2010), "hightech_import"] == 0.0


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('whole = ["300"]', '"300" does not have 4 digits'),
        ('part = ["3004901"]', '"3004901" does not have 6 digits'),
        ('whole = ["3004", "3004"]', "3004 is listed twice"),
        ('whole = ["3004"]\npart = ["300490"]', "300490 is listed twice"),
    ],
)
def test_a_definition_that_contradicts_itself_is_refused(tmp_path: Path, text: str, match: str) -> None:
    path = tmp_path / "goods.toml"
    path.write_text(f'[mine]\nlabel = "x"\nsource = "y"\nnote = "z"\n[mine.groups.a]\n{text}\n', encoding="utf-8")
    with pytest.raises(InputError, match=match):
        load_goods("mine", path)
    with pytest.raises(InputError, match=r'no definition "oecd" of goods; .*mine'):
        load_goods("oecd", path)


@pytest.mark.real
@pytest.mark.skipif(not EXTRACT.is_file(), reason="the shared data are not here")
def test_the_extract_has_the_known_sum_of_its_chapters() -> None:
    frame = pd.read_csv(EXTRACT, dtype={"code": str})
    flows = frame.assign(unit=frame["iso3"], period=frame["year"], product=frame["code"], value=frame["value_usd"])
    flows["flow"] = "import"
    by_chapter = flows[flows["code"].str[:2].isin(["30", "84", "85", "88", "90"])]["value"].sum()
    assert by_chapter == pytest.approx(0.55e6, abs=5e3)
    high = sums_by_group(flows, load_goods("oecd2011")).loc[("KAZ", 2021), "hightech_import"]
    assert 0 < high < by_chapter
