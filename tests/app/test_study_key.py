"""Is a study collected again whenever something changed that its values are made from, and not otherwise?"""

import dataclasses
from pathlib import Path

import pytest

from bri_bayes.app.study_key import study_key
from bri_bayes.runtime.steps import Step
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import Study, load_study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    file = tmp_path / "panel.csv"
    file.write_text("iso3,year,y\nKAZ,2003,1\n", encoding="utf-8")
    return load_study(None, panel=file)


def key(study: Study, *keys: str, card: str = "did", label: str = "{}", seed: int = 0, quick: bool = False) -> str:
    steps = [Step("answer", (name,), name, lambda: None) for name in keys]
    return study_key(study, {"did": load_card(card)}, steps, label, seed=seed, quick=quick)


def test_the_same_study_has_the_same_key(study):
    assert key(study, "a", "b") == key(study, "a", "b")


def test_everything_that_values_are_made_from_is_in_the_key(study):
    asked = [
        key(study, "a", "b"),
        key(study, "a"),
        key(study, "a", "b", card="did_noise"),
        key(study, "a", "b", label="{'label': 'NOT OFFICIAL DATA'}"),
        key(study, "a", "b", seed=1),
        key(study, "a", "b", quick=True),
        key(dataclasses.replace(study, title="Another title"), "a", "b"),
        key(dataclasses.replace(study, audit=study.panel.file.parent), "a", "b"),
    ]
    study.panel.file.write_text("iso3,year,y\nKAZ,2003,2\n", encoding="utf-8")
    asked.append(key(study, "a", "b"))
    assert len(set(asked)) == len(asked)
