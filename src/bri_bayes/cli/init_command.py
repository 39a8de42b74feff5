"""Which command makes the folder of a study: the one that ships, or one for the reader's own panel?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bri_bayes.cli.commands import EncodingOption, MissingOption
from bri_bayes.cli.lists import parse_lists, parse_units


def register_init(app: typer.Typer) -> None:
    """Add the command ``init``."""

    @app.command()
    def init(
        folder: Annotated[Path, typer.Argument(help="A new folder.")],
        file: Annotated[
            Path | None, typer.Option("--from", help="Your own panel: a study for it is written, which runs as it is.")
        ] = None,
        unit: Annotated[str | None, typer.Option(help="With --from: column of units; else the first of texts.")] = None,
        period: Annotated[str | None, typer.Option(help="With --from: column of periods; else one of years.")] = None,
        treated: Annotated[list[str] | None, typer.Option(help="With --from: who; else a 0/1 column tells.")] = None,
        onset: Annotated[
            str | None, typer.Option(help="With --treated, or a 0/1 column of who: their first treated period.")
        ] = None,
        treatment: Annotated[
            str | None, typer.Option(help="With --from: its column of treated cells, 0/1; else the first that is one.")
        ] = None,
        onset_column: Annotated[
            str | None,
            typer.Option(help="With --from: a column of first treated periods; blank, 0 or Inf: never."),
        ] = None,
        outcome: Annotated[str | None, typer.Option(help="With --from: its column; else the first of numbers.")] = None,
        covariates: Annotated[
            list[str] | None, typer.Option(help="With --from: adjust for columns X,log(Z); else they are comments.")
        ] = None,
        encoding: EncodingOption = None,
        missing: MissingOption = None,
    ) -> None:
        """Make a folder with a commented study, to be changed: the one that ships, or one for your own panel."""
        from bri_bayes.app.own_study import init_folder
        from bri_bayes.app.panel_roles import Said
        from bri_bayes.data.text_encoding import TextFormat

        who = parse_lists(treated) if file is None else parse_units(treated, file, unit, encoding)
        said = Said(
            unit,
            period,
            outcome,
            who,
            onset,
            parse_lists(covariates),
            TextFormat(encoding, parse_lists(missing)),
            onset_column,
            treatment,
        )
        written = init_folder(folder, file, said)
        for note in written.notes:
            typer.echo(f"bri-bayes: {note}", err=True)
        typer.echo(str(written.path))
