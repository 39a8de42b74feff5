"""Files and folders are written whole or not at all."""

import errno
import os

import pytest

from bri_bayes.core.io import replaced_together, write_text, written_beside

# No process has this number: the largest that Linux gives is 2^22.
DEAD = 2**22 + 1


def test_names_are_replaced_together_and_others_stay(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("a", "b", "mine"):
        (folder / name).write_text("old")
    with replaced_together(folder, ["a", "b", "c"]) as new:
        (new / "a").write_text("new")
        (new / "c").mkdir()
        assert (folder / "a").read_text() == "old"
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c", "mine"]
    assert (folder / "a").read_text() == "new"
    assert list(tmp_path.iterdir()) == [folder]


def test_an_error_leaves_everything_as_it_was(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "a").write_text("old")

    def build():
        with replaced_together(folder, ["a"]) as new:
            (new / "a").write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build()
    assert (folder / "a").read_text() == "old"
    assert list(tmp_path.iterdir()) == [folder]


def test_what_a_dead_process_left_is_removed_and_what_a_living_one_builds_is_not(tmp_path):
    dead, alive = (tmp_path / f".run.building-{number}" for number in (DEAD, os.getppid()))
    dead.mkdir()
    alive.mkdir()
    with replaced_together(tmp_path / "run", []):
        pass
    assert not dead.exists()
    assert alive.exists()


def test_what_a_dead_process_left_beside_a_file_goes_and_what_is_not_ours_stays(tmp_path):
    path = tmp_path / "values.json"
    left_over, alive = tmp_path / f".values.json.{DEAD}-abc.json", tmp_path / f".values.json.{os.getpid()}-abc.json"
    foreign = [tmp_path / ".values.json.swp", tmp_path / ".values.json.a-b.json", tmp_path / ".other.json.1-a.json"]
    for each in (left_over, alive, *foreign):
        each.touch()
    write_text(path, "content")
    assert sorted(tmp_path.iterdir()) == sorted([path, alive, *foreign])


@pytest.mark.parametrize("named", [None, "temporary"])
def test_an_error_of_the_system_names_the_file_that_was_meant(tmp_path, named):
    path = tmp_path / "folder" / "table.csv"
    with pytest.raises(OSError, match="No space left") as raised, written_beside(path) as temporary:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), *[str(temporary)] * (named is not None))
    assert raised.value.filename == str(path)
    with (
        pytest.raises(OSError, match="No space left") as raised,
        replaced_together(tmp_path / "report", ["tables"]) as new,
        written_beside(new / "tables" / "table.csv"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert raised.value.filename == str(tmp_path / "report" / "tables" / "table.csv")
