"""Does every command that reads a file end in an answer or in one sentence, whatever stands in the file?

    python benchmarks/fuzz_commands.py --seed 1 --minutes 5 [--kinds study,card] [--only 1000042]

Files that are right are spoiled (cells, keys, bytes, structure) and given to the command as a user gives them, in this
process. A case passes when the status is 0, 1 or 2, within 20 seconds of processor time, without a traceback or a
warning of a library; status 2 has one printable line on stderr and nothing on stdout; and no file but --out has
changed. A cached result that was damaged counts as absent: the answer is the same. ``--only`` gives the case of a
printed seed again.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
import unicodedata
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fuzz_files import PANEL, STUDY, categories, categories_toml, groups, spoiled, tables_toml, trade, wdi
from fuzz_inputs import calm_panel, match_options
from fuzz_inputs import panel as spoiled_panel
from tiny_steps import tiny_steps

from bri_bayes.cli.start import FAULT, main
from bri_bayes.core.errors import InputError
from bri_bayes.core.resources import shipped

LIMIT_SECONDS = 20.0
STATUSES = (0, 1, REFUSED := 2)
SECTION_COMMANDS = ("joint", "moderation", "mechanism", "propensity")
SLOW_COMMANDS = ("honest", "pretrends", "placebo", "controls", "curve", "compare", "prior", "robustness")
# Kinds that take a hundred times longer than the others have a case at every so many seeds.
RARE = {"section": 25, "whole": 50, "cached": 50, "report": 100, "study": 5}
# Not shown to a user who does not ask for them.
SILENT = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


class TooLongError(BaseException):
    """The time of a case is over."""


def estimate(rng: random.Random, folder: Path) -> list[str]:
    content, ending, options = spoiled_panel(rng)
    (folder / f"case{ending}").write_bytes(content)
    return [str(folder / f"case{ending}") if option == "FILE" else option for option in options]


def calm(rng: random.Random, folder: Path) -> list[str]:
    content, options = calm_panel(rng)
    (folder / "case.csv").write_bytes(content)
    return [str(folder / "case.csv") if option == "FILE" else option for option in options]


def match(rng: random.Random, folder: Path) -> list[str]:
    content, ending, _ = spoiled_panel(rng)
    (folder / f"case{ending}").write_bytes(content)
    return [str(folder / f"case{ending}") if option == "FILE" else option for option in match_options(rng)]


def consistent(rng: random.Random, folder: Path) -> list[str]:
    text = tables_toml(rng)
    (folder / "tables.toml").write_bytes(spoiled(rng, text) if rng.random() < 0.7 else text.encode())
    return [rng.choice(["consistent", "audit"]), str(folder / "tables.toml"), *rng.choice([[], ["--json"]])]


def inequality(rng: random.Random, folder: Path) -> list[str]:
    text = rng.choice([groups, wdi])(rng)
    (folder / "case.csv").write_bytes(spoiled(rng, text))
    options = rng.choice([[], [], ["--layout", rng.choice(["groups", "swiid", "wdi", "x"])], ["--within", "w"]])
    return ["inequality", str(folder / "case.csv"), *options, *rng.choice([[], ["--out", str(folder / "out.csv")]])]


def quality(rng: random.Random, folder: Path) -> list[str]:
    baci = rng.random() < 0.5
    path = folder / "case.csv"
    path.write_bytes(spoiled(rng, trade(rng, baci=baci)))
    extra = [["--sigma", rng.choice(["1", "nan", "-3", "1e308"])], ["--years", "2003:2004"], ["--products", "30"],
             ["--standardise"], ["--weights", "none"], ["--effects", "year"], ["--flow", "export"],
             ["--years", "9:1"], ["--columns", "a,b"], ["--out", str(folder / "out.csv")]]  # fmt: skip
    options = [word for more in rng.sample(extra, rng.choice([0, 1, 2])) for word in more]
    if rng.random() < 0.3:
        (folder / "products.csv").write_bytes(spoiled(rng, "product,sigma\n30,4\n84,3.5\n"))
        options += ["--sigmas", str(folder / "products.csv")]
    if baci and rng.random() < 0.4:
        table = spoiled(rng, "country_code,country_iso3\n398,KAZ\n496,MNG\n") if rng.random() < 0.7 else b""
        with zipfile.ZipFile(folder / "case.zip", "w") as archive:
            archive.write(path, "BACI_HS02_Y2003.csv")
            archive.writestr("country_codes.csv", table)
        path = folder / "case.zip"
        if rng.random() < 0.5:
            content = bytearray(path.read_bytes())
            content[rng.randrange(len(content))] ^= 0xFF
            path.write_bytes(bytes(content))
    return ["quality", str(path), *options]


def category_panel(rng: random.Random, folder: Path) -> list[str]:
    (folder / "study.toml").write_text(categories_toml(rng), encoding="utf-8")
    (folder / "case.csv").write_bytes(spoiled(rng, categories(rng), most=3))
    return ["categories", str(folder / "study.toml"), "--panel", str(folder / "case.csv"), "--quick", "--jobs", "1"]


def study(rng: random.Random, folder: Path) -> list[str]:
    (folder / "panel.csv").write_bytes(spoiled(rng, PANEL) if rng.random() < 0.3 else PANEL.encode())
    (folder / "study.toml").write_bytes(spoiled(rng, STUDY, most=rng.choice([1, 1, 3])))
    seed = rng.choice(["0"] * 9 + ["18446744073709551616"])
    jobs = rng.choice(["1"] * 9 + ["0", "1000000"])
    return [rng.choice(SECTION_COMMANDS), str(folder / "study.toml"), "--quick", "--jobs", jobs, "--seed", seed]


def section(rng: random.Random, folder: Path) -> list[str]:
    """The sections that take their time, of a study that is mostly right."""
    (folder / "panel.csv").write_bytes(spoiled(rng, PANEL, most=1) if rng.random() < 0.5 else PANEL.encode())
    (folder / "study.toml").write_bytes(spoiled(rng, STUDY, most=1) if rng.random() < 0.5 else STUDY.encode())
    return [rng.choice(SLOW_COMMANDS), str(folder / "study.toml"), "--quick", "--jobs", "1", *_maybe_json(rng)]


def whole(rng: random.Random, folder: Path) -> list[str]:
    """A run of a whole study, its figures left out."""
    (folder / "panel.csv").write_bytes(spoiled(rng, PANEL, most=1) if rng.random() < 0.5 else PANEL.encode())
    study = STUDY.replace(
        'title = "A study"', f'title = "A study"\nsections = ["{rng.choice(["pretrends", "joint"])}"]'
    )
    (folder / "study.toml").write_bytes(spoiled(rng, study, most=1) if rng.random() < 0.5 else study.encode())
    return ["run", str(folder / "study.toml"), "--quick", "--jobs", "1", "--out", str(folder / "r")]


def _maybe_json(rng: random.Random) -> list[str]:
    return rng.choice([[], ["--json"]])


def card(rng: random.Random, folder: Path) -> list[str]:
    paths = [path for path in sorted(shipped("models").rglob("*.toml")) if "categor" not in path.stem]
    text = rng.choice(paths).read_text(encoding="utf-8")
    (folder / "card.toml").write_bytes(spoiled(rng, text, most=3))
    if rng.random() < 0.5:
        return ["models", str(folder / "card.toml")]
    (folder / "panel.csv").write_text(PANEL, encoding="utf-8")
    question = ["--outcome", "y", "--unit", "unit", "--period", "year", "--treated", "A,B", "--onset", "2005"]
    engine = rng.choice(["auto"] * 4 + ["marginal"]) if "marginal" not in text else "auto"
    return ["estimate", str(folder / "panel.csv"), *question, "--model", str(folder / "card.toml"), "--engine", engine]


def cached(rng: random.Random, folder: Path) -> list[str]:
    """The same question again after every file of the cache was damaged: the answer has to be the same."""
    (folder / "panel.csv").write_text(PANEL, encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    arguments = ["joint", str(folder / "study.toml"), "--quick", "--jobs", "1", "--json"]
    status, out, _, _ = called(arguments)
    for path in sorted((folder / "cache").rglob("*.*")):
        content = path.read_bytes()
        at = rng.randrange(len(content))
        flipped = content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
        path.write_bytes(rng.choice([b"", b"{}", b"[]", content[:at], flipped, content + b" ", content[65:]]))
    (folder / "expected.json").write_text(json.dumps([status, out]), encoding="utf-8")
    return arguments


def report(rng: random.Random, folder: Path) -> list[str]:
    """The page again from values that were damaged after the run."""
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    (folder / "panel.csv").write_text(PANEL, encoding="utf-8")
    with patch("bri_bayes.report.figures.draw_all", return_value={}):
        status, _, err, _ = called(
            ["run", str(folder / "study.toml"), "--quick", "--jobs", "1", "--out", str(folder / "r")]
        )
    assert status in (0, 1), err
    for name in rng.sample(["values.json", "manifest.json", "figures/made_from.json"], rng.randint(1, 2)):
        path = folder / "r" / name
        path.write_bytes(spoiled(rng, path.read_text(encoding="utf-8"), most=2))
    return ["report", str(folder / "study.toml"), "--out", str(folder / "r")]


KINDS: dict[str, Callable[[random.Random, Path], list[str]]] = {
    kind.__name__: kind
    for kind in (
        estimate,
        calm,
        match,
        consistent,
        inequality,
        quality,
        category_panel,
        study,
        section,
        whole,
        card,
        cached,
        report,
    )
}


def called(arguments: Sequence[str]) -> tuple[object, str, str, list[str]]:
    """Status, stdout, stderr and warnings of a command."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    status: object = None
    with (
        warnings.catch_warnings(record=True) as raised,
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "argv", ["bri-bayes", *arguments]),
    ):
        warnings.simplefilter("always")
        try:
            main()
        except SystemExit as ended:
            status = ended.code
    texts = [stream.buffer.getvalue().decode("utf-8", errors="replace") for stream in (out, err)]  # type: ignore[attr-defined]
    shown = [f"{item.category.__name__}: {item.message}" for item in raised if not issubclass(item.category, SILENT)]
    return status, *texts, shown  # type: ignore[return-value]


def wrong(kind: str, seed: int, folder: Path) -> tuple[object, str]:  # noqa: PLR0911
    """The status of a case, and what is wrong with it ("" for nothing)."""
    rng = random.Random(f"{kind}{seed}")
    with patch.dict(os.environ, {"BRI_BAYES_CACHE": str(folder / "cache")}), without_sampling(), limited():
        try:
            arguments = KINDS[kind](rng, folder)
            before = contents(folder)
            status, out, err, shown = called(arguments)
        except TooLongError:
            return "late", f"more than {LIMIT_SECONDS:.0f} s"
    said = [line for line in err.splitlines() if not line.startswith(("[", "bri-bayes: ", "Note: "))]
    if status not in STATUSES:
        what = "a fault" if status == FAULT else f"status {status}"
        return status, f"{what}: {err.strip()[-400:]}"
    if "Traceback" in out + err or said:
        return status, f"on stderr: {said[:3]}"
    if shown:
        return status, f"a warning: {shown[0][:300]}"
    lines = [line for line in err.splitlines() if line.startswith("bri-bayes: ")]
    if (status == REFUSED and (out or len(lines) != 1)) or (status == 1 and not lines):
        return status, f"{len(lines)} sentences, {len(out)} characters on stdout"
    if any(unicodedata.category(character) == "Cc" for character in out + err if character != "\n"):
        return status, "control characters"
    after = {name: content for name, content in contents(folder).items() if name != "out.csv"}
    if after != before and (kind not in ("report", "whole") or status == REFUSED):
        return status, f"files changed: {sorted({name for name, _ in after.items() ^ before.items()})[:5]}"
    if kind == "cached" and json.loads((folder / "expected.json").read_text(encoding="utf-8")) != [status, out]:
        return status, "another answer after the cache was damaged"
    return status, ""


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a case but the cache."""
    files = [path for path in folder.rglob("*") if path.is_file() and "cache" not in path.relative_to(folder).parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def without_sampling() -> Any:
    """Product categories that are right as far as the sampler end there: it takes minutes, and its input is checked."""
    return patch("bri_bayes.inference.categories.sample_categories", side_effect=InputError("as far as the sampler"))


@contextmanager
def limited() -> Iterator[None]:
    """``TooLongError`` after the limit, which another one's work on the machine does not shorten."""

    def stop(*_: object) -> None:
        raise TooLongError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def fuzz(kinds: Sequence[str], seeds: Sequence[int], seconds: float) -> Iterator[tuple[str, int, object, str]]:
    """(kind, seed, status, what is wrong) of each case, the kinds in turn, until the time is over."""
    ends = time.monotonic() + seconds
    for seed in seeds:
        for kind in kinds:
            if seed % RARE.get(kind, 1) and len(kinds) > 1:
                continue
            with tempfile.TemporaryDirectory() as name:
                yield kind, seed, *wrong(kind, seed, Path(name))
            if time.monotonic() > ends:
                return


def run() -> int:
    """Cases until the time is over; status 1 when one does not pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--cases", type=int, default=10**6, help="of each kind")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--tiny", action="store_true", help="every step on a few draws")
    parser.add_argument("--only", type=int, help="the case of this seed")
    given = parser.parse_args()
    first = given.seed * 10**6
    seeds: Sequence[int] = [given.only] if given.only is not None else range(first, first + given.cases)
    counts: Counter[tuple[str, object]] = Counter()
    failures = 0
    with tiny_steps() if given.tiny else nullcontext():
        for kind, seed, status, what in fuzz(given.kinds.split(","), seeds, 60 * given.minutes):
            counts[kind, status] += 1
            if what:
                failures += 1
                print(f"--- {kind} {seed}: {what}", flush=True)
            if sum(counts.values()) % 500 == 0:
                print(dict(counts), flush=True)
    for kind in given.kinds.split(","):
        of_kind = {str(status): number for (name, status), number in sorted(counts.items(), key=str) if name == kind}
        print(f"{kind}: {sum(of_kind.values())} cases, by status {of_kind}")
    print(f"{sum(counts.values())} cases from seed {given.seed}, {failures} do not pass")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(run())
