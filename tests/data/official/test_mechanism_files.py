"""Do files of Chinese finance and of UN votes give the sums and distances that are in them?"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bri_bayes.app.official_import import import_files
from bri_bayes.core.errors import InputError
from bri_bayes.core.resources import shipped
from bri_bayes.report.sections.mechanism import channels_of
from bri_bayes.report.sections.section import Context
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import load_study

from ...conftest import SHARED

REAL_PANEL = SHARED / "data" / "real_panel" / "china_partners_2000_2023.csv"
MECHANISMS = SHARED / "data" / "more" / "mechanisms_china_partners_2000_2023.csv"
GCDF = """ID,Recommended For Aggregates,Recipient,Recipient ISO-3,Commitment Year,Flow Class,Amount (Constant USD 2021)
1,Yes,Kazakhstan,KAZ,2010,OOF-like,1000.5
2,Yes,Kazakhstan,KAZ,2010,OOF-like,500
3,No,Kazakhstan,KAZ,2010,OOF-like,9999
4,Yes,Kazakhstan,KAZ,2012,ODA-like,
5,Yes,Mongolia,MNG,2011,Vague (Official Finance),"2,000"
6,Yes,"Asia, regional",,2011,ODA-like,7
"""
VOTES = """ccode,session,Countryname,IdealPointAll,USAgree,ChinaAgree
710,65,China,-0.5,0.1,1
705,65,Kazakhstan,0.25,0.3,0.8
703,65,Kyrgyzstan,-1,0.2,0.9
999,65,Atlantis,0,0,0
710,66,China,0.5,0.1,1
703,66,Kyrgyzstan,-1,0.2,NA
"""
WORLD_BANK = "Country Name,Country Code,Indicator Code,2010\nKazakhstan,KAZ,SP.POP.TOTL,1\n"


def _imported(tmp_path: Path, **files: str) -> pd.DataFrame:
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    made = import_files([tmp_path / f"{name}.csv" for name in files], tmp_path / "out")
    return pd.read_csv(made.panel).set_index(["iso3", "year"])


def test_finance_is_summed_over_recommended_rows_and_zero_between_the_years_of_the_file(tmp_path: Path) -> None:
    panel = _imported(tmp_path, gcdf=GCDF)
    assert panel["gcdf_oof_usd2021"].to_dict() == {
        ("KAZ", 2010): 1500.5, ("KAZ", 2011): 0.0, ("KAZ", 2012): 0.0,
        ("MNG", 2010): 0.0, ("MNG", 2011): 0.0, ("MNG", 2012): 0.0,
    }  # fmt: skip
    assert panel.loc[("MNG", 2011), "gcdf_vague_usd2021"] == 2000.0
    assert panel["gcdf_oda_usd2021"].sum() == 0.0


def test_votes_become_distances_to_china_in_the_year_of_the_session(tmp_path: Path) -> None:
    panel = _imported(tmp_path, votes=VOTES, names=WORLD_BANK)
    assert panel["unga_ideal_point_distance_to_china"].dropna().to_dict() == {
        ("KAZ", 2010): 0.75, ("KGZ", 2010): 0.5, ("KGZ", 2011): 1.5,
    }  # fmt: skip
    assert panel.loc[("KGZ", 2010), "unga_agreement_with_china"] == 0.9
    assert pd.isna(panel.loc[("KGZ", 2011), "unga_agreement_with_china"])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (GCDF.replace("ODA-like", "Gift"), 'the flow class "Gift" is unknown'),
        (GCDF.replace("1000.5", "much"), '"much" is not a number'),
        (VOTES.replace("China,", "PRC,"), "China needs one row a session"),
        (VOTES + "703,66,Kyrgyzstan,-1,0.2,NA\n", "KGZ 2011 is there twice"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        _imported(tmp_path, bad=text)


@pytest.mark.real
@pytest.mark.skipif(not MECHANISMS.is_file(), reason="the shared data are not here")
def test_real_finance_and_votes_are_channels_of_the_real_panel(tmp_path: Path) -> None:
    panel = import_files([REAL_PANEL, MECHANISMS], tmp_path / "out").panel
    text = (shipped("data") / "goods_trade.toml").read_text(encoding="utf-8")
    for name, transform in (("gcdf_oof_usd2021", "log1p"), ("unga_ideal_point_distance_to_china", "none")):
        text += f'\n[mediators.{name}]\ncolumn = "{name}"\ntransform = "{transform}"\n'
    (tmp_path / "study.toml").write_text(text, encoding="utf-8")
    study = load_study(tmp_path / "study.toml", panel=panel)
    context = Context(study, study.load(), {"did": load_card("did")})
    assert {"gcdf_oof_usd2021", "unga_ideal_point_distance_to_china"} <= set(channels_of(context))
