"""How fast, against whom, and has it become slower? Every figure is a ratio to a named peer in one run.

    python benchmarks/run.py                 all comparisons, all targets, the shipped study in its quick form
    python benchmarks/run.py --only TWFE     the comparisons whose work or peer has this in its name
    python benchmarks/run.py --targets       the targets that need no comparison; the page keeps the comparisons it has
    python benchmarks/run.py --write         the tables into README.md here, the record into history.jsonl

Both sides run in processes of their own with one thread a library; seconds are those of processors, the clock stands
beside them. Peers that the project does not need get environments below .bench-venv, made at the first run. What cannot
be had is named with its reason. A ratio that has fallen by a third since the last record is named at the end, and the
status is then 1.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from speed.history import Record, append, fallen, gone, latest, other_speed, read_history, this_machine, today  # noqa: E402
from speed.limit import rates  # noqa: E402
from speed.pairs import PAIRS, compared  # noqa: E402
from speed.panels import NINE, analysis, frame_of  # noqa: E402
from speed.table import in_markdown, row_line, write_between  # noqa: E402
from speed.targets import Studies, closed_form_targets, sampling_targets, study_targets  # noqa: E402

HISTORY, PAGE = HERE / "history.jsonl", HERE / "README.md"


def main() -> int:
    """The command line."""
    given = arguments().parse_args()
    load = os.getloadavg()[0]
    named = given.only or ""
    chosen = [] if given.targets else [pair for pair in PAIRS if named in f"{pair.work} {pair.peer}"]
    rows, targets, took = [], [], {}
    measured_rates = rates()
    with TemporaryDirectory(prefix="bench-") as folder:
        os.environ["BENCH_NINE"] = str(Path(folder) / "nine.csv")
        frame_of(analysis(*NINE)).to_csv(os.environ["BENCH_NINE"], index=False)
        for pair in chosen:
            rows.append(compared(pair))
            print(row_line(rows[-1]), flush=True)
    if given.only is None:
        machine = this_machine(load, measured_rates)
        targets = sampling_targets(given.seeds, machine) + closed_form_targets(rows, machine)
        if not given.without_study:
            panel = None if given.panel is None else (given.panel_study, given.panel)
            of_studies, took = study_targets(Studies(given.full_study, given.jobs, panel), machine)
            targets += of_studies
    record = Record(today(), this_machine(load, measured_rates), tuple(rows), tuple(targets))
    earlier = read_history(HISTORY)
    before = latest(earlier) if earlier else None
    text = in_markdown(record, took, before if given.targets else None)
    print(f"\n{text}")
    down = fallen(before, record) if before else []
    for some in down:
        print(some)
    if before and (said := other_speed(before, record)):
        print(said)
    if before and given.only is None:
        print("".join(f"not measured this time: {name}\n" for name in gone(before, record)), end="")
    if given.write:
        write_between(PAGE, text)
        append(HISTORY, record)
    return 1 if down else 0


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="a part of the name of a work or a peer; no targets")
    parser.add_argument("--targets", action="store_true", help="no comparisons, and the targets that need none")
    parser.add_argument("--write", action="store_true", help="the tables into README.md, the record into history.jsonl")
    parser.add_argument("--seeds", type=int, default=30, help="of the comparison at equal squared error")
    parser.add_argument("--jobs", type=int, default=2, help="processes of a study")
    parser.add_argument("--without-study", action="store_true")
    parser.add_argument("--full-study", action="store_true", help="the shipped study whole, not in its quick form")
    parser.add_argument("--panel", type=Path, help="a panel of one's own, for --panel-study")
    parser.add_argument("--panel-study", type=Path, default=HERE.parent / "data" / "goods_trade.toml")
    return parser


if __name__ == "__main__":
    sys.exit(main())
