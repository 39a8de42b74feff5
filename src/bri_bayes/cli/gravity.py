"""Which command reads the flows between all countries?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bri_bayes.cli.commands import EncodingOption, JsonOption, SeedOption, print_json
from bri_bayes.cli.lists import parse_lists, parse_years
from bri_bayes.core.errors import InputError


def register_gravity(app: typer.Typer) -> None:
    """Add the command to the command line."""

    @app.command()
    def gravity(
        file: Annotated[
            Path, typer.Argument(help="A CSV: one row an exporter, importer and year; or BACI (CSV, zip, folder).")
        ],
        country: Annotated[str, typer.Option(help="The country that the policy ties to others.")],
        treated: Annotated[list[str], typer.Option(help="The others, A,B; may be repeated.")],
        onset: Annotated[str, typer.Option(help="First period of the policy, as the file writes it.")],
        columns: Annotated[
            str, typer.Option(help="The columns of your CSV, in this order.")
        ] = "exporter,importer,year,value",
        zeros: Annotated[
            bool, typer.Option("--zeros", help="A pair that trades in some year and has no row in another: zero.")
        ] = False,
        years: Annotated[str | None, typer.Option(help="First and last, 2003:2020.")] = None,
        countries: Annotated[Path | None, typer.Option(help="BACI's table of country codes.")] = None,
        encoding: EncodingOption = None,
        seed: SeedOption = 0,
        as_json: JsonOption = False,
    ) -> None:
        """Does a country trade more with some partners than gravity says? PPML, exporter-year, importer-year, pair."""
        from bri_bayes.app.gravity import GravityRequest
        from bri_bayes.app.gravity import gravity as answered
        from bri_bayes.data.bilateral_flows import FlowColumns
        from bri_bayes.data.text_encoding import TextFormat

        names = parse_lists(columns)
        if len(names) != 4:
            raise InputError(f'--columns "{columns}" has {len(names)} names; four are needed')
        answer = answered(
            GravityRequest(
                path=file,
                country=country,
                treated=parse_lists(treated),
                onset=onset,
                columns=FlowColumns(*names),
                years=parse_years(years, "--years"),
                countries=countries,
                zeros=zeros,
                text_format=TextFormat(encoding),
                seed=seed,
            )
        )
        if as_json:
            print_json(answer.as_dict())
        else:
            from bri_bayes.presentation.gravity_text import gravity_text

            typer.echo(gravity_text(answer.as_dict()))
