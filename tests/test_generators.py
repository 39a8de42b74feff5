"""A study names the function that makes its panel, in whatever layer it lies."""

import pytest

from bri_bayes.errors import InputError
from bri_bayes.generators import GENERATED, GENERATORS, check_generator, generated


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_that_has_a_short_name_makes_a_panel_of_its_own_kind(name):
    kind = "reconstruction" if "reconstruction" in name else "simulation"
    assert generated(name, kind).attrs["kind"] == kind
    assert kind in GENERATED


def test_a_dotted_name_is_the_same_function():
    short, dotted = (generated(name, "reconstruction") for name in ("reconstruction", GENERATORS["reconstruction"]))
    assert short.attrs["digest"] == dotted.attrs["digest"]


def test_a_panel_of_another_kind_than_the_study_says_is_refused():
    with pytest.raises(InputError, match='kind "simulation", and the study says "reconstruction"'):
        generated("simulated_nine_countries", "reconstruction")


WRONG = {
    "bri_bayes.simulat.simulated_nine_countries": 'there is no module "bri_bayes.simulat"',
    "bri_bayes.simulate.simulated_nine_countrys": 'no function "simulated_nine_countrys"; did you mean "simulated_nin',
    "bri_bayes.simulate.extra.panel": 'there is no module "bri_bayes.simulate.extra"',
    "bri_bayes.published.reconstruction.VERSIONS": 'no function "VERSIONS"',
    "bri_bayes.simulate.simulate_errors": "needs rng, shape; a generator is called without",
    "bri_bayes.published.tables.load_published": "gives Published, not a panel",
}


@pytest.mark.parametrize(("name", "sentence"), WRONG.items())
def test_a_wrong_dotted_name_gets_one_sentence(name, sentence):
    check_generator(name)
    with pytest.raises(InputError, match=sentence) as caught:
        generated(name, "simulation")
    assert str(caught.value).startswith(f'generator "{name}": ')


def test_a_study_runs_no_function_from_outside_the_project():
    with pytest.raises(ValueError, match='there is no generator "os'):
        check_generator("os.getcwd")
