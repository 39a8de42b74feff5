"""Which commands read a file of their own? Product categories, product quality, inequality, flows between countries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bri_bayes.cli.commands import (
    DaskOption,
    EncodingOption,
    JobsOption,
    JsonOption,
    QuickOption,
    SeedOption,
    StudyArgument,
    print_json,
    print_section,
    processes,
)
from bri_bayes.cli.gravity import register_gravity
from bri_bayes.cli.lists import parse_lists, parse_years
from bri_bayes.cli.mirror import register_mirror
from bri_bayes.core.errors import InputError

if TYPE_CHECKING:
    from bri_bayes.app.trade_and_inequality import Measured

OutOption = Annotated[Path | None, typer.Option("--out", help="Write the table as CSV, too.")]


def register_measures(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    register_gravity(app)
    register_mirror(app)

    @app.command()
    def categories(
        study: StudyArgument = None,
        panel: Annotated[Path | None, typer.Option("--panel", help="The CSV that [categories] describes.")] = None,
        quick: QuickOption = False,
        jobs: JobsOption = None,
        dask: DaskOption = None,
        seed: SeedOption = 0,
        as_json: JsonOption = False,
    ) -> None:
        """Which products gained most? One hierarchical model, and the probability of every rank."""
        workers = processes(jobs, dask=dask)
        from bri_bayes.app.section_answer import SectionAnswer
        from bri_bayes.report.sections.categories import standalone
        from bri_bayes.study.study_file import load_study

        values = standalone(study, panel=panel, quick=quick, jobs=workers, dask=dask, seed=seed)
        print_section(SectionAnswer("categories", values, load_study(study)), as_json=as_json)

    @app.command()
    def inequality(
        file: Annotated[Path, typer.Argument(help="A CSV of groups, SWIID's summary file, or a file of the WDI.")],
        layout: Annotated[str, typer.Option(help="auto, groups, swiid or wdi.")] = "auto",
        unit: Annotated[str, typer.Option(help="Column of the unit (groups).")] = "unit",
        period: Annotated[str, typer.Option(help="Column of the period (groups).")] = "period",
        group: Annotated[str, typer.Option(help="Column of the group, urban and rural say.")] = "group",
        mean: Annotated[str, typer.Option(help="Column of the mean income of a group.")] = "mean",
        population: Annotated[str, typer.Option(help="Column of the people of a group.")] = "population",
        within: Annotated[str | None, typer.Option(help="Column of the Theil index within a group.")] = None,
        encoding: EncodingOption = None,
        out: OutOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Theil and Gini between groups, or the Gini series of a file: one row a unit and period."""
        from bri_bayes.app.trade_and_inequality import measure_inequality
        from bri_bayes.data.inequality_series import GroupColumns
        from bri_bayes.data.text_encoding import TextFormat

        columns = GroupColumns(unit, period, group, mean, population, within)
        _keep_inputs(out, file)
        measured = measure_inequality(file, layout=layout, columns=columns, text_format=TextFormat(encoding))
        _show(measured, out, as_json=as_json)

    @app.command()
    def quality(
        file: Annotated[Path, typer.Argument(help="HS6 trade: a BACI CSV or zip, or a CSV with columns of your own.")],
        sigma: Annotated[
            float, typer.Option(help="Elasticity of substitution of products without one of their own.")
        ] = 5.0,
        sigmas: Annotated[Path | None, typer.Option(help="CSV product,sigma; product: first digits of a code.")] = None,
        flow: Annotated[str, typer.Option(help="export, import or both.")] = "both",
        effects: Annotated[
            str, typer.Option(help="country_year (as published) or year (compares countries).")
        ] = "country_year",
        weights: Annotated[str, typer.Option(help="value or none.")] = "value",
        standardise: Annotated[bool, typer.Option("--standardise", help="Quality of a product from 0 to 1.")] = False,
        reporter: Annotated[int, typer.Option(help="BACI's number of the reporter; 156 is China.")] = 156,
        years: Annotated[str | None, typer.Option(help="First and last, 2003:2020.")] = None,
        products: Annotated[str | None, typer.Option(help="First digits of the codes to keep: 30,84,85.")] = None,
        countries: Annotated[Path | None, typer.Option(help="BACI's table of country codes.")] = None,
        columns: Annotated[
            str | None, typer.Option(help="unit,period,product,value,quantity[,flow]: the columns of your CSV.")
        ] = None,
        encoding: EncodingOption = None,
        out: OutOption = None,
        as_json: JsonOption = False,
    ) -> None:
        """Quality of traded products from values and quantities by country and year (Khandelwal, Schott, Wei 2013)."""
        from bri_bayes.app.trade_and_inequality import measure_quality
        from bri_bayes.data.text_encoding import TextFormat
        from bri_bayes.data.trade import TradeColumns

        _keep_inputs(out, file, sigmas, countries)
        named = None
        if columns is not None:
            names = parse_lists(columns)
            if len(names) not in (5, 6):
                raise InputError(f'--columns "{columns}" has {len(names)} names; give five, and the flow as a sixth')
            named = TradeColumns(*names)
        quality = measure_quality(
            file,
            sigma=sigma,
            sigmas=sigmas,
            flow=flow,
            market=effects,  # type: ignore[arg-type]
            weights=weights,  # type: ignore[arg-type]
            standardise=standardise,
            reporter=reporter,
            years=parse_years(years, "--years"),
            products=parse_lists(products),
            countries=countries,
            columns=named,
            text_format=TextFormat(encoding),
        )
        _show(quality, out, as_json=as_json)


def _keep_inputs(out: Path | None, *inputs: Path | None) -> None:
    """Refuse to write over a file that is read."""
    for path in inputs:
        if out is not None and path is not None and out.resolve() == path.resolve():
            raise InputError(f"--out {out} is a file that the command reads; give the table another name")


def _show(measured: Measured, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        measured.write(out)
    if as_json:
        print_json(measured.as_dict())
        return
    typer.echo(measured.frame.to_string(index=False, float_format="{:.6g}".format, na_rep=""))
    for name, unit in measured.units.items():
        typer.echo(f"{name}: {unit}")
    for note in measured.notes:
        typer.echo(f"Note: {note}.", err=True)
