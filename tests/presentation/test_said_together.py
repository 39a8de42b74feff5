"""What several outcomes have in common is said once."""

import pytest

from bri_bayes.presentation.said_together import merged_sources, of_all_or_each

TABLE = "A (2026), Table 3"


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([f"{TABLE} column (3): goods", f"{TABLE} column (6): goods"], [f"{TABLE} columns (3) and (6): goods"]),
        ([f"{TABLE} column (3): goods"] * 2, [f"{TABLE} column (3): goods"]),
        (["A, p. 3", "B", "A, p. 3"], ["A, p. 3", "B"]),
        ([f"{TABLE} column (3): goods", f"{TABLE} column (6): services"], None),
        ([f"{TABLE} column (3)", "Table 4 column (3)"], None),
    ],
)
def test_columns_of_one_table_that_say_nothing_else_are_named_together(sources, said):
    assert merged_sources(sources) == (said or sources)


@pytest.mark.parametrize(
    ("exports", "imports", "said"),
    [
        ("One group.", "One group.", ["One group."]),
        ("It is known (57%).", "It is known (60%).", ["It is known (57% and 60%)."]),
        ("It is known (57%).", "It is known (57%).", ["It is known (57%)."]),
        ("It is known (57%).", "It is open (60%).", ["Exports: it is known (57%).", "Imports: it is open (60%)."]),
    ],
)
def test_a_sentence_of_all_outcomes_is_said_once_and_others_with_their_outcome(exports, imports, said):
    assert of_all_or_each([("Exports", [exports]), ("Imports", [imports])]) == said
