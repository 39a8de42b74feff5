"""A study names the function that makes its panel, in whatever layer it lies."""

import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.generators import GENERATED, GENERATORS, check_generator, generated


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_that_has_a_short_name_makes_a_panel_of_its_own_kind(name):
    kind = "reconstruction" if "reconstruction" in name else "simulation"
    assert generated(name, kind).attrs["kind"] == kind
    assert kind in GENERATED


def test_a_panel_of_another_kind_than_the_study_says_is_refused():
    with pytest.raises(InputError, match='kind "simulation", and the study says "reconstruction"'):
        generated("simulated_nine_countries", "reconstruction")


@pytest.mark.parametrize(
    "name",
    [
        "os.getcwd",
        "bri_bayes.cli.start.main",
        "bri_bayes.data.simulation.simulate",
        "simulated_nine_countrys",
        "",
    ],
)
def test_a_study_names_only_generators_that_were_registered(name):
    with pytest.raises(ValueError, match='there is no generator "'):
        check_generator(name)
