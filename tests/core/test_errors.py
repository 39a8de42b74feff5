"""Claims about messages: one printable line, whatever a file says."""

from __future__ import annotations

import pickle

import pytest

from bri_bayes.core.errors import InputError, printable, suggest


@pytest.mark.parametrize("text", ["A\x1b[2J", "A\nbri-bayes: done", "A\u202ecba", "A\u2028B", "\x00"])
def test_a_message_cannot_drive_a_terminal_or_forge_a_line(text):
    message = str(InputError(f'there is no column "{text}"'))
    assert message.isprintable()
    assert message.startswith('there is no column "')


def test_words_of_any_script_stay_as_they_are():
    for text in ("Côte d’Ivoire", "Қазақстан", "中国", "1\u00a0063"):
        assert printable(text) == text


def test_an_error_survives_a_pickle():
    assert str(pickle.loads(pickle.dumps(InputError("a\nb")))) == "a b"


def test_a_name_in_other_capitals_is_the_nearest_one():
    assert suggest("Y", ["D", "first", "unit", "y", "year"]).startswith('did you mean "y"?')
