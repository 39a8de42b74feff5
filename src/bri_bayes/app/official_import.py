"""What does `data import` do? Files that a person downloaded become one panel, which is checked before it is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bri_bayes.app.imported_quality import with_quality
from bri_bayes.app.official_data import SCHEMA_VERSION
from bri_bayes.core.errors import GateError, InputError
from bri_bayes.core.io import replaced_together, write_json
from bri_bayes.data.official.check import CheckFinding, check_panel
from bri_bayes.data.official.files import FileTable, country_names, read_official_file
from bri_bayes.data.official.goods import PAPER_GOODS, load_goods
from bri_bayes.data.official.sources import load_sources
from bri_bayes.data.provenance import MANIFEST

OUT = Path("data/imported")
PANEL = "panel.csv"


@dataclass(frozen=True)
class Imported:
    """Where the panel is, what each file was taken for, what was left out, and what the check noted."""

    panel: Path
    kinds: tuple[str, ...]
    notes: tuple[str, ...]
    findings: tuple[CheckFinding, ...]


def import_files(paths: Sequence[Path], out: Path = OUT, goods: str = PAPER_GOODS) -> Imported:
    """Join the columns of the files by country and year; a broken rule leaves the earlier panel as it was.

    ``goods`` : the definition of high technology by which files of products are summed.
    """
    import pandas as pd

    sources, definition = load_sources(), load_goods(goods)
    named = country_names(paths)
    tables = [with_quality(read_official_file(path, sources, named, definition)) for path in paths]
    _refuse_shared_columns(paths, tables)
    panel = pd.concat([table.frame for table in tables], axis=1).sort_index().reset_index()
    notes = tuple(note for table in tables for note in table.notes)
    with replaced_together(out, [PANEL, MANIFEST]) as folder:
        panel.to_csv(folder / PANEL, index=False, lineterminator="\n")
        findings = check_panel(folder / PANEL)
        broken = [f"{finding.rule}: {finding.text}" for finding in findings if finding.severity == "broken"]
        if broken:
            raise GateError(f"nothing was imported; {'; '.join(broken)}")
        written = hashlib.sha256((folder / PANEL).read_bytes()).hexdigest()
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "kind": "official",
            "notes": list(notes),
            "goods": {"name": goods, "label": definition.label, "source": definition.source, "note": definition.note},
            "inputs": [
                {"file": name, "taken_for": table.kind, "sha256": sha256}
                for path, table in zip(paths, tables, strict=True)
                for name, sha256 in _hashes(path)
            ],
            "files": {PANEL: {"sha256": written, "rows": len(panel)}},
        }
        write_json(folder / MANIFEST, manifest)
    return Imported(out / PANEL, tuple(table.kind for table in tables), notes, tuple(findings))


def _refuse_shared_columns(paths: Sequence[Path], tables: Sequence[FileTable]) -> None:
    first_in: dict[str, Path] = {}
    for path, table in zip(paths, tables, strict=True):
        for name in table.frame.columns:
            if name in first_in:
                raise InputError(f'{path} and {first_in[name]} both have the column "{name}"; import one of them')
            first_in[str(name)] = path


def _hashes(path: Path) -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of a file, or of every file of a folder, read in pieces: a release of BACI fills a memory."""
    for file in sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            yield file.name, hashlib.file_digest(stream, "sha256").hexdigest()
