"""Do odd inputs end in an answer or in one sentence? Thousands of panels and options for ``estimate`` and ``match``.

    python benchmarks/fuzz_inputs.py --seed 1 --minutes 2

Each case is a small panel that was spoiled (marks, periods, layouts, bytes, options) and run in this process. A case
passes when the command ends with an answer or one sentence, without a traceback or a warning of a library, and within
20 seconds. The seed of a case that does not pass is printed, and gives the case again with ``--only``.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import sys
import tempfile
import time
import traceback
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bri_bayes.cli.main import app
from bri_bayes.core.errors import BriBayesError

LIMIT_SECONDS = 20.0
UNITS = ["KAZ", "MNG", "Congo, Dem. Rep.", "NA", "Côte d’Ivoire", "=1+1", "R6", "1", "2003"]
HOSTILE = ["A\x1b[2J", " ", "\u202eabc", "B\nNote: forged", "C" * 500]
NUMBERS: list[Callable[[float], str]] = [
    repr,
    lambda v: f"{v:,.3f}",
    lambda v: f"{v:.3f}",
    lambda v: f"{v:.2f}".replace(".", ","),
    lambda v: f"({abs(v):.1f})" if v < 0 else f"{v:.1f}",
    lambda v: f"{v:.1f}%",
    lambda v: f"€{v:.0f}",
    lambda v: f"{v * 1e9:.3e}",
    lambda v: f"{v * 1e300:e}",
    lambda v: f"{v * 1e-300:e}",
    lambda v: f"{int(v * 1000):,}".replace(",", " "),
    lambda v: str(int(v * 1000)),
]
PERIODS: list[Callable[[int], str]] = [
    lambda t: str(2003 + t),
    lambda t: f"{2003 + t // 12}{t % 12 + 1:02d}",
    lambda t: f"{2003 + t // 12}-{t % 12 + 1:02d}-01",
    lambda t: f"{2003 + t // 4}Q{t % 4 + 1}",
    lambda t: f"{2003 + t}/{(4 + t) % 100:02d}",
    lambda t: f"2003-01-{t * 3 + 1:02d}",
    lambda t: str(2003 + t * t),
    lambda t: f"X{2003 + t}",
    lambda t: str(t * 10**7),
    lambda t: f"{2003 + t / 2}",
]
CELLS = [
    "",
    "NA",
    "..",
    "inf",
    "-inf",
    "1e999",
    "x",
    "1_000",
    "'",
    '"',
    "\0",
    "\n",
    "1,2,3",
    "-",
    "(",
    "%",
    "€",
    "True",
    "0",
    "1",
    "9" * 400,
]


def calm_panel(rng: random.Random) -> tuple[bytes, list[str]]:
    """A CSV that is right, in one of many forms, after one accident at most, and options that fit it."""
    units, n_periods = rng.sample([*UNITS[:4], "Peru", "Chad", "Oman"], rng.randint(3, 7)), rng.randint(3, 9)
    show, when = rng.choice(NUMBERS[:6]), rng.choice(PERIODS[:6])
    sep = rng.choice([";", "\t"]) if "," in show(1.5) else rng.choice([",", ",", ";", "\t"])
    treated, onset, spread = units[: max(len(units) // 3, 1)], rng.randint(1, n_periods - 1), 10 ** rng.randint(-3, 3)
    rows = [["unit", "period", "y", "x", "D", "first", "w", "g"]]
    for unit in units:
        for t in range(n_periods):
            cells = [show(rng.gauss(1, 1) * spread), show(rng.gauss(0, 1)), str(int(unit in treated and t >= onset))]
            rows.append([unit, when(t), *cells, when(onset) if unit in treated else "", "1", unit[:1]])
    match rng.randrange(6):
        case 0:
            rows[rng.randrange(1, len(rows))][rng.choice([2, 3])] = rng.choice(CELLS)
        case 1:
            del rows[rng.randrange(1, len(rows))]
        case 2:
            rng.shuffle(rows[1:])
        case 3:
            rows[rng.randrange(len(rows))][rng.randrange(8)] += rng.choice([" ", "x", '"', "\t", "0", "é"])
    text = "\n".join(sep.join(quoted(cell, sep) for cell in row) for row in rows) + rng.choice(["", "\n", "\n\n"])
    named = [word for unit in treated for word in ("--treated", unit)] + ["--onset", when(onset)]
    who = rng.choice([named, named, ["--treatment", "D"], ["--onset-column", "first"]])
    extra = rng.choice([[], [], [], ["--covariates", "x"], ["--errors", "iid"], ["--json"], ["--model", "did"],
                        ["--model", "did_trend"], ["--window", "2"], ["--weights", "w"]])  # fmt: skip
    options = ["estimate", "FILE", "--outcome", "y", "--unit", "unit", "--period", "period", *who, *extra]
    return text.encode("utf-8"), options


def panel(rng: random.Random) -> tuple[bytes, str, list[str]]:
    """A file, its ending, and the options that ask about it."""
    units = rng.sample(UNITS, rng.randint(2, 7))
    if rng.random() < 0.05:
        units[0] = rng.choice(HOSTILE)
    n_periods = rng.randint(1, 9)
    show, when = rng.choice(NUMBERS), rng.choice(PERIODS[:-2] * 3 + PERIODS)
    onset = rng.randint(0, n_periods) if rng.random() < 0.2 else n_periods // 2
    treated = units[: rng.randint(0, len(units)) if rng.random() < 0.2 else max(len(units) // 3, 1)]
    sep = rng.choice([",", ",", ";", "\t"])
    header = ["unit", "period", "y", "x", "D", "first", "w", "g"]
    rows = [header]
    spread = 10 ** rng.randint(-3, 3)
    for unit in units:
        for t in range(n_periods):
            is_treated = unit in treated and t >= onset
            first = when(onset) if unit in treated else rng.choice(["", "0", "Inf"])
            cells = [show(rng.gauss(1, 1) * spread), show(rng.gauss(0, 1)), str(int(is_treated)), first, "1", unit[:1]]
            rows.append([unit, when(t), *cells])
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        at = rng.randrange(len(rows))
        rows[at][rng.randrange(len(header))] = rng.choice(CELLS)
    if rng.random() < 0.2:
        del rows[rng.randrange(len(rows))]
    if rng.random() < 0.1:
        rows.append(list(rng.choice(rows)))
    text = "\n".join(sep.join(quoted(cell, sep) for cell in row) for row in rows) + "\n"
    content = text.encode("utf-8", errors="replace")
    if rng.random() < 0.1:
        cut = rng.randrange(len(content))
        content = content[:cut] + rng.choice([b"", b"\xff", b"\r", b'"', b"\n\nNote\n", bytes(20)]) + content[cut + 1 :]
    if rng.random() < 0.03:
        content = content[: rng.randrange(len(content))]
    ending = rng.choice([".csv"] * 12 + [".tsv", ".txt", ".gz", ".zip", ".xlsx", ".dta", ".parquet"])
    return content, ending, estimate_options(rng, units, treated, when, onset)


def quoted(cell: str, sep: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in (sep, "\n", '"')) else cell


def estimate_options(
    rng: random.Random, units: list[str], treated: list[str], when: Callable[[int], str], onset: int
) -> list[str]:
    options = ["estimate", "FILE", "--outcome", rng.choice(["y"] * 16 + ["log(y)", "z", "period"])]
    options += [
        "--unit",
        rng.choice(["unit"] * 24 + ["g", "nix"]),
        "--period",
        rng.choice(["period"] * 24 + ["first", "nix"]),
    ]
    match rng.randrange(4):
        case 0:
            options += ["--treatment", rng.choice(["D"] * 12 + ["first", "y", "g"])]
        case 1:
            options += ["--onset-column", rng.choice(["first"] * 6 + ["period", "g"])]
        case _:
            for unit in treated or units[:1]:
                options += ["--treated", unit]
            options += ["--onset", rng.choice([when(onset)] * 16 + ["2003", "x", "", "-1", "9" * 30])]
    extra = [
        ["--covariates", "x"], ["--covariates", "log(x)"], ["--covariates", "y"], ["--periods", "2003:2005"],
        ["--periods", "::"], ["--decimal", ","], ["--thousands", "."], ["--thousands", "x"], ["--errors", "iid"],
        ["--errors", "random_walk"], ["--groups", "g"], ["--controls", units[-1]], ["--json"],
    ]  # fmt: skip
    for more in rng.sample(extra, rng.choice([0, 0, 1, 2])):
        options += more
    return options


def match_options(rng: random.Random) -> list[str]:
    options = ["match", "FILE", "--treatment", rng.choice(["D"] * 6 + ["first", "g", "y"])]
    options += [
        "--covariates",
        rng.choice(["x", "x,x^2", "log(x)", "x*g", "g", "w", "y", "D", "x^99", "nix", "x==1", "*"]),
    ]
    options += ["--outcome", rng.choice(["y"] * 6 + ["D", "g", "period"])]
    extra = [
        ["--method", "kernel"], ["--method", "radius", "--radius", "1e-9"], ["--replace"], ["--neighbours", "99"],
        ["--caliper", "0"], ["--score", "w"], ["--score", "x"], ["--score", "D"], ["--json"], ["--decimal", ","],
        ["--bandwidth", "1e-300"], ["--support", "both"], ["--log-odds"],
    ]  # fmt: skip
    for more in rng.sample(extra, rng.choice([0, 0, 1, 2])):
        options += more
    return options


def run(seed: int, folder: Path) -> tuple[str, str]:
    """What became of a case, and what was wrong with it ("" for nothing)."""
    rng = random.Random(seed)
    content, ending, options = panel(rng)
    if rng.random() < 0.4:
        options = match_options(rng)
    path = folder / f"case{ending}"
    path.write_bytes(content)
    arguments = [str(path) if option == "FILE" else option for option in options]
    out, err = io.StringIO(), io.StringIO()
    started = time.monotonic()
    outcome = "answered"
    with (
        warnings.catch_warnings(record=True) as raised,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        warnings.simplefilter("always")
        try:
            app(arguments, standalone_mode=False)
        except BriBayesError as error:
            outcome = "refused"
            message = str(error)
            if any(unicodedata.category(character) == "Cc" for character in message):
                return outcome, f"a message of more than one line: {message!r}"
        except Exception as error:
            if not hasattr(error, "format_message"):
                return "traceback", traceback.format_exc(limit=-4)
            outcome = "refused"
        except SystemExit:
            outcome = "answered"
    seconds = time.monotonic() - started
    if raised:
        return outcome, f"a warning on stderr: {raised[0].message}"
    if any(unicodedata.category(character) == "Cc" for character in out.getvalue() if character != "\n"):
        return outcome, "an output with control characters"
    return outcome, f"{seconds:.0f} s" if seconds > LIMIT_SECONDS else ""


def main() -> int:
    """Run cases until the time is over; status 1 when one does not pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--cases", type=int, default=10**6)
    parser.add_argument("--only", type=int, help="run the case of this seed and show it")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    failures: list[tuple[int, str, str]] = []
    ends = time.monotonic() + 60 * given.minutes
    with tempfile.TemporaryDirectory() as name:
        seeds = [given.only] if given.only is not None else range(given.seed * 10**6, given.seed * 10**6 + given.cases)
        for seed in seeds:
            outcome, wrong = run(seed, Path(name))
            counts[outcome] += 1
            if wrong:
                failures.append((seed, outcome, wrong))
            if time.monotonic() > ends:
                break
    for seed, outcome, wrong in failures[:20]:
        print(f"--- case {seed}: {outcome}\n{wrong}")
    print(f"{sum(counts.values())} cases from seed {given.seed}: {dict(counts)}, {len(failures)} do not pass")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
