"""A study or a card is data: nothing in it runs, nothing leaves its folder, and what is wrong gets one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.core.schema import MOST_BYTES
from bri_bayes.study.formula import MOST_CHARACTERS, TRANSFORMS, check_formula
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import load_study

STUDY = """
title = "A study"
{name}
models = ["{model}"]
[panel]
kind = "user"
file = "{file}"
periods = [{first}, {last}]
[assignment]
treated = ["A"]
onset = 2005
controls = ["B", "C"]
[outcomes.y]
column = "y"
"""


def _study(folder: Path, *, name: str = "", model: str = "did", file: str = "p.csv", last: str = "2010") -> Path:
    path = folder / "mine.toml"
    path.write_text(STUDY.format(name=name, model=model, file=file, first=2000, last=last), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "formula",
    [
        "level ~ 1 + unit + period + treated + (0 + treated | unit)",
        "outcome ~ 0 + treated:unit + bs(time, df=4) + C(period) + lnppl*treated + I(lnppl**2) - 1",
        "outcome ~ standardize(lnppl) + (1 | unit) + offset(time) + poly(time, 2) / 10",
        "outcome ~ (lnppl + treated)^2",
    ],
)
def test_a_formula_may_have_columns_operators_and_transforms(formula):
    check_formula(formula)


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [
        ("outcome ~ treated + pd.io.common.os.system('touch ran')", r'"\." may not stand in a formula'),
        ("outcome ~ np.log(lnppl)", r'"\." may not stand'),
        ("outcome ~ exec(lnppl)", r'"exec\(" is no transform'),
        ("outcome ~ __import__(lnppl)", "is no name of a column"),
        ("outcome ~ eval (lnppl)", r'"eval\(" is no transform'),
        ("outcome ~ C(period)(treated)", "would call a result"),
        ("outcome ~ {treated}", r'"\{" may not stand'),
        ("outcome ~ `a b`", '"`" may not stand'),
        ("outcome ~ x[0]", r'"\[" may not stand'),
        ("outcome ~ 'a'", '"\'" may not stand'),
        ("outcome ~ __builtins__", "is no name of a column"),
        ("outcome ~ treated; treated", '";" may not stand'),
        ("outcome ~ lambda: treated", None),
        ("outcome ~ x := 1", None),
        ("outcome ~ " + "a+" * MOST_CHARACTERS, "at most"),
    ],
)
def test_a_formula_may_have_nothing_else(formula, sentence):
    if sentence is None:  # harmless as a formula: no call, no attribute, no string
        check_formula(formula)
        return
    with pytest.raises(ValueError, match=sentence):
        check_formula(formula)


def test_no_transform_of_the_list_takes_text_that_it_evaluates():
    assert {"eval", "exec", "open", "compile", "getattr"}.isdisjoint(TRANSFORMS)


def test_a_card_with_code_in_its_formula_is_refused_when_it_is_read(tmp_path):
    code = f"outcome ~ treated + pd.io.common.os.system('touch {tmp_path}/ran')"
    (tmp_path / "did.toml").write_text(f'title = "T"\nstructure = "formula"\n[formula]\nformula = "{code}"\n')
    with pytest.raises(InputError, match="may not stand in a formula"):
        load_card(tmp_path / "did.toml")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "", ".", "..", "a/b", "a\\\\b", "x.", "-x", "a" * 101])
def test_the_name_of_a_study_is_no_path(tmp_path, name):
    with pytest.raises(InputError, match="names a folder"):
        load_study(_study(tmp_path, name=f'name = "{name}"'))


@pytest.mark.parametrize("file", ["../p.csv", "/etc/passwd", "a/../../p.csv"])
def test_a_study_reads_no_file_outside_its_folder(tmp_path, file):
    with pytest.raises(InputError, match="lies outside the folder of the study"):
        load_study(_study(tmp_path, file=file))


def test_a_study_names_no_card_outside_its_folder(tmp_path):
    with pytest.raises(InputError, match="lies outside the folder of the study"):
        load_study(_study(tmp_path, model="../evil.toml"))


def test_a_link_out_of_the_folder_is_a_file_outside_it(tmp_path):
    (tmp_path / "p.csv").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="lies outside the folder of the study"):
        load_study(_study(tmp_path))


@pytest.mark.parametrize("parent", ["../x", "/x", "a/b", "", "."])
def test_a_card_extends_a_name_and_no_path(tmp_path, parent):
    (tmp_path / "mine.toml").write_text(f'extends = "{parent}"\n')
    with pytest.raises(InputError, match="is no name of a card"):
        load_card(tmp_path / "mine.toml")


def test_a_long_chain_of_cards_is_refused(tmp_path):
    for number in range(1200):
        (tmp_path / f"c{number}.toml").write_text(f'extends = "c{number + 1}"\n')
    with pytest.raises(InputError, match="more than 10 cards extend one another"):
        load_card(tmp_path / "c0.toml")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a = " + "9" * 5000, "is not valid TOML"),
        ("a = " + "9" * 20, "a whole number has more than 15 digits"),
        ("a = " + "[" * 3000 + "]" * 3000, "too deep inside each other"),
        ('a = "\\u0000"', "control character"),
        ('a = "\\u001b[2J"', "control character"),
        ('"\\u0007" = 1', "control character"),
        ("#" * (MOST_BYTES + 1), "is larger than"),
        ("a = ", "is not valid TOML"),
    ],
)
def test_a_file_of_settings_that_no_person_writes_gets_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "mine.toml"
    path.write_text(content, encoding="utf-8")
    for load in (load_study, load_card):
        with pytest.raises(InputError, match=sentence):
            load(path)


@pytest.mark.parametrize("setting", ["chains = 1000000", "draws = 1000000000", "proposals = 300000", "tune = 999999"])
def test_a_sampler_that_would_fill_the_memory_is_refused(tmp_path, setting):
    (tmp_path / "mine.toml").write_text(f'title = "T"\n[sampler]\n{setting}\n')
    with pytest.raises(InputError, match="at most 64 chains, and 200,000 draws"):
        load_card(tmp_path / "mine.toml")


def test_a_panel_of_a_billion_periods_is_refused(tmp_path):
    with pytest.raises(InputError, match="at most 10,000, not"):
        load_study(_study(tmp_path, last="1000000000"))
