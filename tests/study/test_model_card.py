"""Claims about model cards."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import get_args

import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import ErrorStructure
from bri_bayes.inference.hyperparameters import OF_ERRORS
from bri_bayes.study.card_priors import PRIORS, Priors
from bri_bayes.study.card_text import ERROR_WORDS
from bri_bayes.study.model_card import load_card, model_names


def card_file(folder: Path, content: str, name: str = "mine") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(content)
    return path


@pytest.mark.parametrize("name", model_names())
def test_every_card_that_ships_is_valid_and_has_a_title(name):
    card = load_card(name)
    assert card.name == name
    assert card.title


@pytest.mark.parametrize("name", model_names())
def test_the_title_of_a_card_is_true_of_firms_by_quarter(name):
    assert not re.search(r"countr|\byears?\b", load_card(name).title)


def test_the_default_card_lets_the_effect_vary_by_country_and_year_with_ar1_errors():
    card = load_card("did")
    assert card.effects.treatment == "by_unit_event_time"
    assert card.effects.period == "fixed"
    assert card.errors.structure == "ar1"
    assert card.is_marginal


def test_a_card_that_states_only_its_title_is_the_default_model(tmp_path):
    assert load_card(card_file(tmp_path, 'title = "T"')).digest == load_card("did").digest


def test_a_variant_states_only_what_changes(tmp_path):
    card_file(tmp_path, 'title = "Base"\n[errors]\nstructure = "iid"\nscale = "by_unit"\n', "base")
    card = load_card(card_file(tmp_path, 'extends = "base"\n[errors]\nstructure = "random_walk"\n'))
    assert (card.name, card.title) == ("mine", "Base")
    assert (card.errors.structure, card.errors.scale) == ("random_walk", "by_unit")


def test_a_variant_may_extend_a_card_that_ships(tmp_path):
    card = load_card(card_file(tmp_path, 'extends = "event_study"\noutcome = "lnexport"\n'))
    assert card.effects == load_card("event_study").effects
    assert card.outcome == "lnexport"


def test_cards_that_extend_each_other_are_refused(tmp_path):
    card_file(tmp_path, 'extends = "b"', "a")
    card_file(tmp_path, 'extends = "a"', "b")
    with pytest.raises(InputError, match="extend each other in a circle"):
        load_card(tmp_path / "a.toml")


def test_an_unknown_card_is_refused_with_the_nearest_one():
    with pytest.raises(InputError, match='no model card "event_studdy"; did you mean "event_study"'):
        load_card("event_studdy")


BAD_CARDS = {
    "unknown table": ("[prios]\nsigma = 1.0", 'unknown key "prios"; did you mean "priors"'),
    "unknown key": ("[priors]\nsigmaa = 1.0", r'unknown key "sigmaa" in \[priors\]; did you mean "sigma"'),
    "unknown word": (
        '[errors]\nstructure = "ar2"',
        r'structure = "ar2" in \[errors\] is not allowed; did you mean "ar1"',
    ),
    "not a number": ('[priors]\nsigma = "wide"', r"sigma = 'wide' in \[priors\]"),
    "prior scale": ("[priors]\nsigma = 0.0", "the prior scale sigma must be positive and finite, not 0.0"),
    "infinite scale": ("[priors]\nrho = [1.0, inf]", "the prior scale rho must be positive and finite"),
    "window": ("[effects]\nwindow = [0, 5]", "from a negative to a non-negative event time"),
    "leads": ('[effects]\nleads = true\ntreatment = "common"', 'leads need treatment = "event_time"'),
    "odd chains": ("[sampler]\nchains = 3", "the number of chains must be even and at least 2, not 3"),
    "few draws": ("[sampler]\ndraws = 10", "draws and tune must be at least 100"),
    "target": ("[sampler]\ntarget_accept = 1.0", r"target_accept must be in \[0.5, 1\), not 1.0"),
    "formula without table": ('structure = "formula"', r"a \[formula\] table exactly when"),
    "table without formula": ('[formula]\nformula = "y ~ x"', r"a \[formula\] table exactly when"),
}


@pytest.mark.parametrize(("content", "sentence"), BAD_CARDS.values(), ids=BAD_CARDS.keys())
def test_a_bad_card_is_refused_with_its_name_and_key(tmp_path, content, sentence):
    path = card_file(tmp_path, f'title = "T"\n{content}\n')
    with pytest.raises(InputError, match=sentence) as caught:
        load_card(path)
    assert str(caught.value).startswith(f'ModelCard "mine" ({path}): ')


def test_a_card_without_a_title_is_refused(tmp_path):
    with pytest.raises(InputError, match='the key "title" is missing'):
        load_card(card_file(tmp_path, ""))


def test_a_file_that_is_not_toml_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not valid TOML"):
        load_card(card_file(tmp_path, "title = "))
    with pytest.raises(InputError, match="cannot be read"):
        load_card(tmp_path / "none.toml")


def test_the_digest_sees_what_can_move_a_number_and_nothing_else():
    card = load_card("did")
    renamed = dataclasses.replace(card, name="other", title="other", references=())
    assert renamed.digest == card.digest
    assert dataclasses.replace(card, priors=Priors(sigma=2.0)).digest != card.digest
    assert dataclasses.replace(card, covariates=("lnpgdp",)).digest != card.digest


def test_the_closed_form_engine_covers_normal_linear_cards_only(tmp_path):
    assert not load_card(card_file(tmp_path, 'title = "T"\n[likelihood]\nfamily = "student_t"')).is_marginal
    formula = 'title = "T"\nstructure = "formula"\n[formula]\nformula = "y ~ treated"'
    assert not load_card(card_file(tmp_path, formula)).is_marginal


def test_every_prior_is_described():
    assert set(PRIORS) == {field.name for field in dataclasses.fields(Priors)}


def test_every_error_structure_has_its_hyperparameters_and_its_words():
    structures = set(get_args(ErrorStructure))
    assert set(OF_ERRORS) == structures
    assert set(ERROR_WORDS) == structures
