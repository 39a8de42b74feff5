"""What does a figure of the paper's tables say that it is made from? Not the panel of the study: the rebuilt one."""

from __future__ import annotations

from bri_bayes.presentation.study_tables import Values


def made_from_tables(values: Values, label: str | None = None) -> Values:
    """The values with the reconstruction in the place of the study's panel, so that banner and provenance name it."""
    panel = values["replication"]["made_from"]
    return {**values, "panel": {**panel, "label": label or panel["label"]}}
