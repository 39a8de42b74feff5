"""Were the values of this study made before? A key over everything that they are made from."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bri_bayes.core.resources import shipped
from bri_bayes.runtime.cache import content_key
from bri_bayes.runtime.steps import Step
from bri_bayes.study.model_card import ModelCard
from bri_bayes.study.study_file import Study


def study_key(
    study: Study, cards: Mapping[str, ModelCard], steps: Sequence[Step], label: str, *, seed: int, quick: bool
) -> str:
    """The cache key of values.json: of the study, its cards and files, the project's data, and the key of each step.

    ``label`` : what the loaded panel calls itself, which a manifest beside its file may change. What the study and the
    cards hold is written out and never read back. Two writings of one content may differ: then the values are
    collected again.
    """
    stated = [pickle.dumps(part) for part in (study, dict(cards))]
    contents = [path.read_bytes() for path in sorted(_files(study))]
    return content_key("values", *stated, label, *contents, [step.key for step in steps], seed, quick)


def _files(study: Study) -> Iterator[Path]:
    """What the study reads, and what the sections read of the project's folders."""
    named = [study.panel.file, study.categories.file if study.categories else None]
    folders = [shipped("data"), shipped("models"), *([study.audit] if isinstance(study.audit, Path) else [])]
    yield from (path for path in named if path is not None)
    for folder in folders:
        yield from (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
