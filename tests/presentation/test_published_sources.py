"""Sources of published estimates as a sentence names them."""

import pytest

from bri_bayes.presentation.published_sources import merged_sources

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
