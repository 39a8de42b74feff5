"""Files that are never half written, and the digest that names a content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import Any


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """A temporary path in the folder of ``path`` that replaces it if the block ends without an error.

    What a dead process left of an earlier try is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left_over in path.parent.glob(f".{escape(path.name)}.*-*{escape(path.suffix)}"):
        number = left_over.name.removeprefix(f".{path.name}.").partition("-")[0]
        if number.isdecimal() and not _is_alive(number):
            left_over.unlink(missing_ok=True)
    with _named(path, path):
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.{os.getpid()}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    temporary.chmod(0o644)
    try:
        with _named(temporary, path):
            yield temporary
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replaced_together(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    """A new folder, of which the files and folders ``names`` replace those of ``folder`` if the block ends well.

    What the block did not make is gone from ``folder``, too; what has another name stays. An error, or the death of the
    process, leaves ``folder`` as it was; what a dead process left beside it is removed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left_over in folder.parent.glob(f".{folder.name}.building-*"):
        if not _is_alive(left_over.name.rpartition("-")[2]):
            shutil.rmtree(left_over, ignore_errors=True)
    building = folder.parent / f".{folder.name}.building-{os.getpid()}"
    new, old = building / "new", building / "old"
    shutil.rmtree(building, ignore_errors=True)
    new.mkdir(parents=True)
    old.mkdir()
    try:
        with _named(new, folder):
            yield new
        folder.mkdir(exist_ok=True)
        for name in names:
            if (folder / name).exists():
                (folder / name).rename(old / name)
            if (new / name).exists():
                (new / name).rename(folder / name)
    finally:
        shutil.rmtree(building, ignore_errors=True)


@contextmanager
def _named(temporary: Path, path: Path) -> Iterator[None]:
    """An error of the system says ``path``, not a name that is gone with the error, and not nothing at all."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            name = path if error.filename is None else str(error.filename).replace(str(temporary), str(path))
            error.filename = str(path) if Path(name).name.startswith(f".{path.name}.") else str(name)
        raise


def _is_alive(number: str) -> bool:
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8, beside and renamed."""
    with written_beside(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON in which NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def digest(*parts: Any) -> str:
    """SHA-256 (first 16 hexadecimal digits) of bytes, strings and JSON-able values, in order."""
    state = hashlib.sha256()
    for part in parts:
        content = part if isinstance(part, bytes) else json.dumps(part, sort_keys=True, default=str).encode()
        state.update(len(content).to_bytes(8, "little"))
        state.update(content)
    return state.hexdigest()[:16]
