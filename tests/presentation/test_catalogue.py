"""Claims about the catalogue of sentences: names kept, parts translated, what it lacks left as it is."""

from __future__ import annotations

import re
import tomllib

import pytest

from bri_bayes.core.resources import shipped
from bri_bayes.presentation.catalogue import LANGUAGES, speaker

SAY = speaker("zh")


def test_a_translation_has_no_place_that_its_sentence_lacks() -> None:
    for language in LANGUAGES[1:]:
        text = (shipped("reports/templates") / f"{language}.toml").read_text(encoding="utf-8")
        messages = tomllib.loads(text)["messages"]
        assert len(messages) > 150
        for message, said in messages.items():
            assert set(re.findall(r"{\w+}", said)) <= set(re.findall(r"{\w+}", message)), message
            assert re.search(r"[\u4e00-\u9fff]|^{", said), message


def test_english_is_what_was_said() -> None:
    assert speaker("en")("How sure") == "How sure"


def test_numbers_stay_and_parts_are_translated() -> None:
    assert SAY("Exports of China: the initiative raised them by 0.218") == "中国出口：该倡议使其提高 0.218"
    assert SAY("Mongolia, Belarus and Serbia have no counterpart among the controls.") == (
        "蒙古、白俄罗斯和塞尔维亚在对照组中没有可比对象。"
    )


def test_the_question_of_one_treated_country_is_translated() -> None:
    said = SAY(
        "Has the initiative changed exports? One country with it since 1990 (Kazakhstan) is compared with 2 others "
        "(Mongolia, Serbia)."
    )
    assert "哈萨克斯坦" in said
    assert "is compared" not in said


@pytest.mark.parametrize("noun", ["countries", "country", "units", "unit"])
def test_the_question_of_one_control_and_of_units_is_translated(noun: str) -> None:
    verb, n = ("is", "One") if noun in ("country", "unit") else ("are", "3")
    asked = f"Has the policy changed y? {n} {noun} with it since 1990 (A) {verb} compared with"
    for said in (SAY(f"{asked} one other (B)."), SAY(f"{asked} 2 others (B, C).")):
        assert "compared" not in said
        assert "A" in said


def test_two_sentences_are_translated_one_by_one() -> None:
    assert SAY("The model passes its 6 predictive checks. The probability of an effect above zero is 56%.") == (
        "模型通过全部 6 项预测检验。效应大于零的概率为 56%。"
    )


def test_what_the_catalogue_lacks_stays_as_it_is() -> None:
    assert SAY("Nobody wrote this sentence, nor this one.") == "Nobody wrote this sentence, nor this one."


@pytest.mark.parametrize(("count", "said"), [("all 40", "全部 40 个"), ("38 of 40", "40 个处理国年份中有 38 个")])
def test_years_inside_the_band_are_counted_in_chinese_as_they_are_in_english(count: str, said: str) -> None:
    sentence = f"Exports of China: the outcome lies inside the band in {count} treated country-years; in 2020 the "
    sentence += "additional trade is −$38.4 bn to $8.50 bn (95% interval)."
    translated = SAY(sentence)
    assert said in translated
    assert "−$38.4 bn 至 $8.50 bn" in translated
    assert "outcome" not in translated


@pytest.mark.parametrize(
    "sentence",
    [
        "Our estimate is +15% (95% interval +10% to +21%): the effect stands above zero.",
        "Our estimate is 0.1 (95% interval −0.2 to 0.4, points): the effect leans up, but zero is not ruled out.",
        "The probability of an effect above zero is over 99%.",
        "sales: the outcome lies inside the band in 0 of 84 treated unit-years.",
        "sales: placebo p-values, the actual effect counted: <1% among groups of the same units and 3% among simulated "
        "worlds.",
        "panel.csv: 12 units, 8048 to 8075 (28 periods); 336 rows.",
        "Event study by least squares: onsets differ: an effect for each onset and event time, averaged over treated "
        "rows.",
        "Has the policy changed y? Six units with it (A, B since 8056; C since 8062) are compared with 6 others (D).",
    ],
)
def test_what_a_study_without_a_published_claim_says_is_translated(sentence: str) -> None:
    assert not re.search(r"\b(the|of|is|lies|among|rows|units)\b", SAY(sentence))


def test_a_comma_in_the_name_of_a_panel_stays() -> None:
    said = SAY("Our data: Trade, an office, with others, 2003 to 2020; the published estimates are of Author (2026).")
    assert said == "本文结果基于 Trade, an office, with others，2003 至 2020 年；已发表估计基于 Author (2026)。"
