"""The comparison of a benchmark with the one before: what has become slower is named, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from speed.cost import Cost, Work, cost_of
from speed.environments import NotRunError, R, run_task
from speed.history import Machine, Record, Row, Target, append, fallen, gone, latest, other_speed, read_history
from speed.pairs import DRAW, PAIRS, WORK, ratio_of
from speed.table import MARKS, in_markdown, target_line, write_between

MACHINE = Machine(2, "a processor", 16.0, (0.1, 0.2), 50.0, 30.0, 2.0, "3.13.0", {"numpy": "2.5"})


def row(ratio: float | None, work: str = "posterior", peer: str = "nutpie") -> Row:
    """A comparison with the ratio; None was not run."""
    if ratio is None:
        return Row(work, peer, WORK, Cost(1.0, 1.0), None, None, not_run="it cannot be installed")
    return Row(work, peer, WORK, Cost(1.0, 1.0), Cost(ratio, ratio), ratio)


def record(*rows: Row, targets: tuple[Target, ...] = ()) -> Record:
    """A run of made-up figures."""
    return Record("2026-01-01 00:00", MACHINE, rows, targets)


@pytest.mark.parametrize(("now", "named"), [(100.0, 0), (67.0, 0), (66.0, 1), (1.0, 1)])
def test_a_ratio_that_has_fallen_by_a_third_is_named(now: float, named: int) -> None:
    down = fallen(record(row(100.0)), record(row(now)))
    assert [some.name for some in down] == ["posterior, against nutpie"] * named
    assert all(str(some) == f"slower than before: posterior, against nutpie: 100 -> {now:g}" for some in down)


def test_the_worst_is_named_first_and_a_new_peer_is_no_fall() -> None:
    before = record(row(30.0), row(30.0, peer="Bambi"))
    down = fallen(before, record(row(15.0), row(3.0, peer="Bambi"), row(0.1, peer="NumPyro")))
    assert [(some.before, some.now) for some in down] == [(30.0, 3.0), (30.0, 15.0)]


@pytest.mark.parametrize(("small", "said"), [(2.0, ""), (2.9, ""), (4.0, "2 times"), (1.0, "0.5 times")])
def test_another_speed_of_the_processor_is_said_beside_the_ratios(small: float, said: str) -> None:
    now = dataclasses.replace(record(row(1.0)), machine=dataclasses.replace(MACHINE, small=small))
    sentence = other_speed(record(row(1.0)), now)
    assert (said in sentence) if said else not sentence


def test_a_peer_in_r_is_named_as_not_run_where_there_is_no_r(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NotRunError, match="no R is here"):
        run_task("tasks_r", "lme4_nine", R)


def test_a_peer_that_is_gone_is_no_fall_but_is_named_as_not_measured() -> None:
    before, now = record(row(30.0)), record(row(None))
    assert not fallen(before, now)
    assert gone(before, now) == ["posterior, against nutpie"]
    assert "not run: it cannot be installed" in in_markdown(now, {})


def test_a_target_falls_with_its_share_whichever_way_it_counts() -> None:
    seconds, times = Target("study", "at most", 20.0, "s", 10.0), Target("sampling", "at least", 100.0, "times", 300.0)
    assert (seconds.share, times.share) == (2.0, 3.0)
    slower = (dataclasses.replace(seconds, measured=40.0), dataclasses.replace(times, measured=90.0))
    down = fallen(record(targets=(seconds, times)), record(targets=slower))
    assert [(some.name, some.now) for some in down] == [("target: study", 0.5), ("target: sampling", 0.9)]
    assert "**0.5**" in target_line(slower[0])


def test_targets_alone_leave_the_comparisons_of_the_last_whole_run_on_the_page() -> None:
    study, placebos = Target("study", "at most", 20.0, "s", 40.0), Target("placebos", "at most", 9.0, "s", 3.0)
    whole, few = record(row(30.0), targets=(study, placebos)), record(row(5.0, peer="Bambi"))
    alone = record(targets=(dataclasses.replace(study, measured=10.0),))
    before = latest([record(row(1.0), targets=(study,)), whole, few, alone])
    assert before.rows == whole.rows
    assert {target.name: target.measured for target in before.targets} == {"study": 10.0, "placebos": 3.0}
    assert latest([few]) == few
    faster = record(targets=(dataclasses.replace(study, measured=8.0),))
    lines = in_markdown(faster, {}, before).splitlines()
    assert [line for line in lines if line.startswith("| posterior")]
    assert [line for line in lines if line.startswith(("| study", "| placebos"))] == [
        target_line(placebos),
        target_line(faster.targets[0]),
    ]
    assert gone(before, faster) == ["posterior, against nutpie", "target: placebos"]


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    assert read_history(path) == []
    first, second = record(row(2.0), row(None)), record(row(3.0), targets=(Target("t", "at most", 1.0, "s", None),))
    for some in (first, second):
        append(path, some)
    assert read_history(path) == [first, second]


def test_an_effective_draw_is_counted_where_draws_are_made() -> None:
    pair = dataclasses.replace(PAIRS[0], per=DRAW)
    ours, theirs = Cost(0.1, 0.1, draws=500.0), Cost(4.0, 4.0, draws=1000.0)
    assert ratio_of(pair, ours, theirs) == pytest.approx(20.0)
    assert ratio_of(pair, ours, dataclasses.replace(theirs, draws=None)) is None
    assert ratio_of(dataclasses.replace(pair, per=WORK, times=10.0), ours, theirs) == pytest.approx(400.0)


def test_each_comparison_has_a_name_of_its_own_and_tasks_that_exist() -> None:
    from speed import tasks_ours, tasks_peers, tasks_pymc

    modules = {"tasks_pymc": tasks_pymc, "tasks_peers": tasks_peers}
    in_r = Path(tasks_ours.__file__).with_name("tasks_r.R").read_text(encoding="utf-8")
    assert len({(pair.work, pair.peer) for pair in PAIRS}) == len(PAIRS)
    for pair in PAIRS:
        assert callable(getattr(tasks_ours, pair.ours))
        if pair.environment == R:
            assert f"\n{pair.theirs} <- function() {{" in in_r
        else:
            assert callable(getattr(modules[pair.module], pair.theirs))
        assert pair.times == 1 or "extrapolated" in pair.note or "eighth" in pair.note


def test_what_comes_before_the_work_is_counted_by_itself() -> None:
    calls = []

    def prepare() -> Work:
        sum(i * i for i in range(300_000))
        return Work(lambda: calls.append(1), ("numpy",), lambda _: (1.5, 7.0), repeat=3)

    cost = cost_of(prepare)
    assert len(calls) == 4
    assert cost.prepared > cost.cpu
    assert (cost.answer, cost.draws, list(cost.packages)) == (1.5, 7.0, ["numpy"])


def test_the_tables_go_between_the_marks_of_the_page(tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n", encoding="utf-8")
    write_between(page, "new | table")
    assert page.read_text(encoding="utf-8") == f"before\n{MARKS[0]}\nnew | table\n{MARKS[1]}\nafter\n"
    page.write_text("no place", encoding="utf-8")
    with pytest.raises(ValueError, match="has no <!-- speed -->"):
        write_between(page, "new")
