"""Every command that reads a file ends in an answer or in one sentence: a few cases of the benchmark of each kind."""

from pathlib import Path

import pytest
from fuzz_commands import wrong

KINDS = ("estimate", "match", "consistent", "inequality", "quality", "category_panel", "study", "card")


@pytest.mark.parametrize("kind", KINDS)
def test_spoiled_files_end_in_an_answer_or_in_one_sentence(kind, tmp_path):
    for seed in range(3):
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert wrong(kind, seed, folder)[1] == "", f"{kind} {seed}"


def test_a_damaged_cache_changes_no_answer(tmp_path: Path):
    assert wrong("cached", 0, tmp_path) == (0, "")
