"""Which tables does a release of trade data hold? One file, a zip of files or a folder of files, read side by side."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from bri_bayes.core.errors import InputError
from bri_bayes.core.processors import processors

# Unpacking and parsing release the interpreter's lock, so threads suffice; each holds a few blocks of its file.
MOST_THREADS = 4


@dataclass(frozen=True)
class TradeFile:
    """A CSV: its ``name`` inside a zip or a folder (None: the file that was given) and how it is opened."""

    name: str | None
    where: str
    opened: Callable[[], AbstractContextManager[IO[bytes]]]


def trade_files(path: Path) -> list[TradeFile]:
    """Every CSV of a file, a zip or a folder, by name."""
    if path.is_dir():
        inside = sorted(file for file in path.iterdir() if file.suffix.lower() == ".csv")
        return [TradeFile(file.name, f"{path}: {file.name}", partial(_opened, file)) for file in inside]
    with _opened(path) as stream:
        if not zipfile.is_zipfile(stream):
            return [TradeFile(None, str(path), partial(_opened, path))]
        with zipfile.ZipFile(stream) as archive:
            names = sorted(name for name in archive.namelist() if name.lower().endswith(".csv"))
    return [TradeFile(name, f"{path}: {name}", partial(_opened_inside, path, name)) for name in names]


def read_side_by_side[T](files: list[TradeFile], read: Callable[[TradeFile, IO[bytes]], T]) -> list[T]:
    """What ``read`` makes of each file, in their order: as many at a time as there are processors, four at most.

    The first file in this order that cannot be read is the one that is spoken of.
    """
    threads = min(MOST_THREADS, processors(), len(files))

    def opened_and_read(file: TradeFile) -> T:
        with file.opened() as stream:
            return read(file, stream)

    if threads < 2:
        return [opened_and_read(file) for file in files]
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(opened_and_read, file) for file in files]
        try:
            return [future.result() for future in waiting]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def unpacked(path: Path) -> Iterator[None]:
    """What a damaged zip raises, wherever it is read, in one sentence."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{path}: cannot be unpacked ({' '.join(str(error).split())}); is it damaged?") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as stream:
            yield stream
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


@contextmanager
def _opened_inside(path: Path, name: str) -> Iterator[IO[bytes]]:
    with _opened(path) as stream, zipfile.ZipFile(stream) as archive, archive.open(name) as member:
        yield member
