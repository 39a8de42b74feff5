"""Where does the panel of a study come from? A file, a generator, or what the reader gives on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import xarray as xr
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PanelKind
from bri_bayes.core.schema import STRICT
from bri_bayes.data.csv_layout import Layout
from bri_bayes.data.generators import GENERATED, check_generator, generated
from bri_bayes.data.panel import Column, Panel, load_panel, restricted, with_columns
from bri_bayes.data.provenance import provenance_of_file
from bri_bayes.data.text_encoding import TextFormat

MOST_PERIODS = 10_000


@dataclass(frozen=True, config=STRICT)
class PanelSource:
    """Where the panel comes from: a CSV ``file``, a ``generator``, or neither (the reader gives the CSV).

    ``periods`` : first and last, both included; None takes those of the file. ``later`` : whether those of the file
    after the last one may be asked, too, how the answer goes on; not where the controls are treated by then.
    ``encoding``, ``missing`` : of a file that is not in UTF-8, or writes missing cells in a way of its own.
    """

    kind: PanelKind
    unit: str = "unit"
    period: str = "period"
    label: str | None = None
    sources: tuple[str, ...] = ()
    file: Path | None = None
    generator: str | None = None
    periods: tuple[int, int] | None = None
    later: bool = True
    layout: Layout = "auto"
    encoding: str | None = None
    missing: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> PanelSource:
        if self.file is not None and self.generator is not None:
            raise ValueError("a panel has a file or a generator, not both")
        if self.generator is not None:
            check_generator(self.generator)
            if self.kind not in GENERATED:
                raise ValueError(f'a generator makes a panel of the kind {" or ".join(GENERATED)}, not "{self.kind}"')
        if self.periods is not None and not 0 < self.periods[1] - self.periods[0] < MOST_PERIODS:
            given = list(self.periods)
            raise ValueError(f"periods are the first and a later last one, at most {MOST_PERIODS:,}, not {given}")
        return self

    @property
    def years(self) -> range | None:
        """Every period from the first to the last."""
        return None if self.periods is None else range(self.periods[0], self.periods[1] + 1)


def levels_of(
    source: PanelSource,
    columns: Mapping[str, Column],
    name: str,
    units: tuple[str, ...] | None = None,
    texts: tuple[str, ...] = (),
) -> Panel:
    """These units (None: every one) of the file, or of the generator in levels."""
    if source.generator is not None:
        panel = generated(source.generator, source.kind)
        said = {"label": source.label, "sources": list(source.sources)}
        return panel.assign_attrs({key: value for key, value in said.items() if value})
    if source.file is None:
        raise InputError(f'the panel of the study "{name}" is not shipped; give its CSV file with --panel')
    origin = provenance_of_file(source.file, source.kind, source.label, source.sources)
    return load_panel(
        source.file,
        unit=source.unit,
        period=source.period,
        columns=columns,
        kind=origin.kind,
        label=origin.label,
        sources=origin.sources,
        units=units,
        periods=source.years,
        layout=source.layout,
        unit_columns=texts,
        text_format=TextFormat(source.encoding, source.missing),
    )


def generated_panel(source: PanelSource, units: tuple[str, ...], columns: Mapping[str, Column]) -> xr.Dataset:
    """These units of the generator, transformed as the columns say."""
    assert source.generator is not None, "only called for a study with a generator"
    where = f'generator "{source.generator}"'
    raw = restricted(generated(source.generator, source.kind), units, source.years, where=where)
    panel = with_columns(raw, {str(name): raw[name].to_numpy() for name in raw.data_vars}, columns, where=where)
    said = {"label": source.label, "sources": list(source.sources)}
    return panel.assign_attrs({key: value for key, value in said.items() if value})
