"""Which command compares two reports of one flow?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bri_bayes.cli.commands import (
    ONSET,
    ControlsOption,
    EncodingOption,
    JsonOption,
    MissingOption,
    PeriodOption,
    PeriodsOption,
    SeedOption,
    UnitOption,
    print_json,
)
from bri_bayes.cli.lists import parse_between, parse_lists, parse_units


def register_mirror(app: typer.Typer) -> None:
    """Add the command to the command line."""

    @app.command()
    def mirror(
        panel: Annotated[Path, typer.Argument(help="A CSV with both reports: one row a unit and period.")],
        outcome: Annotated[str, typer.Option(help="One report, log(column).")],
        second: Annotated[str, typer.Option(help="The other side's report, log(column).")],
        unit: UnitOption,
        period: PeriodOption,
        treated: Annotated[list[str], typer.Option(help="Treated units, A,B; may be repeated.")],
        onset: Annotated[str, ONSET],
        controls: ControlsOption = None,
        periods: PeriodsOption = None,
        encoding: EncodingOption = None,
        missing: MissingOption = None,
        seed: SeedOption = 0,
        as_json: JsonOption = False,
    ) -> None:
        """Two reports of one flow (mirror data): how noisy is each, and what do both say of the effect?"""
        from bri_bayes.app.mirror import MirrorRequest
        from bri_bayes.app.mirror import mirror as answered
        from bri_bayes.app.request import Request
        from bri_bayes.data.text_encoding import TextFormat

        request = Request(
            path=panel,
            outcome=outcome,
            unit=unit,
            period=period,
            treated=parse_units(treated, panel, unit, encoding),
            onset=onset,
            controls=parse_units(controls, panel, unit, encoding),
            periods=parse_between(periods),
            text_format=TextFormat(encoding, parse_lists(missing)),
            seed=seed,
        )
        answer = answered(MirrorRequest(request, second))
        if as_json:
            print_json(answer.as_dict())
        else:
            from bri_bayes.presentation.mirror_text import mirror_text

            typer.echo(mirror_text(answer))
