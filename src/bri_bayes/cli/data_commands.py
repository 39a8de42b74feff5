"""Which commands bring and examine official data? `data fetch` is the only command that opens a connection."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bri_bayes.cli.commands import JsonOption, print_json, stop_if_failed
from bri_bayes.cli.help_page import help_if_alone
from bri_bayes.cli.lists import parse_lists, parse_years

OutOption = Annotated[
    Path | None, typer.Option("--out", help="Where the data go; default: data/official.", show_default=False)
]


def register_data(app: typer.Typer) -> None:
    """Add the group of commands to the command line."""
    group = typer.Typer(help="Official data: fetch, import, check.", invoke_without_command=True, add_completion=False)
    group.callback()(help_if_alone)
    app.add_typer(group, name="data")

    @group.command()
    def fetch(
        out: OutOption = None,
        partners: Annotated[
            list[str] | None, typer.Option(help="Partners by ISO code, KAZ,KGZ; default: all. May be repeated.")
        ] = None,
        years: Annotated[str | None, typer.Option(help="First and last, 2003:2023; default: all.")] = None,
        key_file: Annotated[
            Path | None, typer.Option("--key-file", help="A file with a key of UN Comtrade: fewer, larger calls.")
        ] = None,
        refresh: Annotated[bool, typer.Option("--refresh", help="Ask again what is stored already.")] = False,
        mirror: Annotated[
            bool, typer.Option("--mirror", help="Also what the partners report: twice the calls to UN Comtrade.")
        ] = False,
        bilateral: Annotated[
            bool, typer.Option("--bilateral", help="Also both sides as UN Comtrade pairs them; needs a key.")
        ] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the calls, ask nothing.")] = False,
        sources: Annotated[
            Path | None, typer.Option(help="Addresses and codes, in place of data/sources.toml.")
        ] = None,
    ) -> None:
        """Fetch the paper's panel from UN Comtrade, the World Bank and SWIID; no key is needed."""
        from bri_bayes.app.official_data import OUT, FetchRequest, planned_calls
        from bri_bayes.app.official_data import fetch as fetched

        request = FetchRequest(
            out or OUT,
            parse_lists(partners),
            parse_years(years, "--years"),
            sources,
            key_file,
            refresh,
            mirror,
            bilateral,
        )
        if dry_run:
            for url in planned_calls(request):
                typer.echo(url)
            return
        done = fetched(request, _progress)
        typer.echo(f"{done.asked} calls answered, {done.stored} from the store", err=True)
        for note in done.notes:
            typer.echo(f"Note: {note}.", err=True)
        typer.echo(str(done.panel))

    @group.command(name="import")
    def import_(
        files: Annotated[list[Path], typer.Argument(help="Files of the sources, downloaded by hand.")],
        out: Annotated[
            Path | None, typer.Option("--out", help="Where the panel goes; default: data/imported.", show_default=False)
        ] = None,
        goods: Annotated[
            str, typer.Option(help="What high technology is, by HS code: sitc3, sitc4 or oecd2011 (data/goods.toml).")
        ] = "sitc3",
    ) -> None:
        """Make one panel of files that were downloaded by hand, and check it."""
        from bri_bayes.app.official_import import OUT, import_files

        imported = import_files(files, out or OUT, goods)
        for file, kind in zip(files, imported.kinds, strict=True):
            typer.echo(f"{file.name}: {kind}", err=True)
        for note in (*imported.notes, *(f"{finding.rule}: {finding.text}" for finding in imported.findings)):
            typer.echo(f"Note: {note}.", err=True)
        typer.echo(str(imported.panel))

    @group.command()
    def check(
        panel: Annotated[
            Path | None, typer.Argument(help="A CSV with iso3 and year; default: the fetched panel.")
        ] = None,
        figure: Annotated[
            Path | None,
            typer.Option(help="Draw missing and filled cells, countries by years, to this .svg and a .png beside it."),
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Examine a panel of countries: what is broken in it, and what a reader must know."""
        from bri_bayes.app.official_data import FILES, OUT, draw_gaps
        from bri_bayes.data.official.check import check_panel

        path = OUT / FILES[0] if panel is None else panel
        findings = check_panel(path)
        if figure is not None:
            typer.echo(str(draw_gaps(path, figure)), err=True)
        if as_json:
            print_json([finding.as_dict() for finding in findings])
        else:
            for finding in findings:
                typer.echo(f"{finding.severity:7s} {finding.rule}: {finding.text}")
        stop_if_failed([f"{finding.rule}: {finding.text}" for finding in findings if finding.severity == "broken"])


def _progress(done: int, of: int, source: str) -> None:
    """One line on stderr that is written over."""
    end = "\n" if done == of else ""
    typer.echo(f"\r{done}/{of} {source:12s}{end}", err=True, nl=False)
