"""The command line: arguments in, one sentence or one result out. Heavy packages are imported by the commands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bri_bayes.cli.commands import (
    OF_A_RUN,
    ONSET,
    ControlsOption,
    DaskOption,
    EncodingOption,
    JobsOption,
    JsonOption,
    MissingOption,
    PanelOption,
    PeriodOption,
    PeriodsOption,
    PngOption,
    SeedOption,
    StudyArgument,
    UnitOption,
    print_json,
    processes,
    register_sections,
    stop_if_failed,
)
from bri_bayes.cli.data_commands import register_data
from bri_bayes.cli.help_page import CONTEXT, GroupedCommands, VersionOption, help_if_alone
from bri_bayes.cli.init_command import register_init
from bri_bayes.cli.lists import parse_between, parse_lists, parse_units
from bri_bayes.cli.report_command import register_report
from bri_bayes.cli.trade_and_inequality import register_measures

DecimalOption = Annotated[str | None, typer.Option(help="Decimal mark, . or ,; default: decided from each column.")]
ThousandsOption = Annotated[
    str | None, typer.Option(help="Separator of thousands: , . blank or '; default: decided from each column.")
]

app = typer.Typer(
    name="bri-bayes",
    help="Bayesian difference-in-differences for panels with very few treated and control units.",
    cls=GroupedCommands,
    context_settings=CONTEXT,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def options(
    ctx: typer.Context,
    version: VersionOption = False,
    debug: Annotated[bool, typer.Option("--debug", help="Before the command: a fault shows its traceback.")] = False,
) -> None:
    """Bayesian difference-in-differences for panels with very few treated and control units."""
    help_if_alone(ctx)


@app.command()
def run(
    study: StudyArgument = None,
    panel: PanelOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="A first look: fewer draws, some models left out.")] = False,
    jobs: JobsOption = None,
    dask: DaskOption = None,
    out: Annotated[Path | None, typer.Option(help="Where the report goes; default: reports/STUDY.")] = None,
    png: PngOption = False,
    categories: Annotated[Path | None, typer.Option(help="CSV of product categories that the study describes.")] = None,
    seed: SeedOption = 0,
) -> None:
    """Run the whole study: fits, tables, figures and one HTML report."""
    workers = processes(jobs, *OF_A_RUN, dask=dask)
    from bri_bayes.app.study_run import run_study

    report = run_study(
        study, panel=panel, categories=categories, quick=quick, jobs=workers, dask=dask, out=out, png=png, seed=seed
    )
    typer.echo(str(report.path))
    stop_if_failed(report.failed_gates)


@app.command()
def estimate(
    panel: Annotated[Path, typer.Argument(help="A CSV: long, or wide by period.")],
    outcome: Annotated[str, typer.Option(help="Column of the outcome, log(column) or log(a/b).")],
    unit: UnitOption,
    period: PeriodOption,
    treated: Annotated[
        list[str] | None, typer.Option(help="Treated units, A,B (with --onset); may be repeated.")
    ] = None,
    onset: Annotated[str | None, ONSET] = None,
    treatment: Annotated[str | None, typer.Option(help="A column of treated cells: 0/1, True/False, yes/no.")] = None,
    onset_column: Annotated[
        str | None, typer.Option(help="A column with the first treated period; blank, 0 or Inf: never.")
    ] = None,
    covariates: Annotated[
        list[str] | None, typer.Option(help="Columns X,Z; log(X) takes logs; may be repeated.")
    ] = None,
    controls: ControlsOption = None,
    groups: Annotated[str | None, typer.Option(help="A column with the group (region) of each unit.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="A column of weights (people, inverse variance): error sd 1/sqrt(weight).")
    ] = None,
    periods: PeriodsOption = None,
    window: Annotated[
        int | None, typer.Option(help="Average so many periods into a bin (7: days to weeks); 1: never.")
    ] = None,
    decimal: DecimalOption = None,
    thousands: ThousandsOption = None,
    encoding: EncodingOption = None,
    missing: MissingOption = None,
    model: Annotated[
        str | None, typer.Option(help="A model card: a name or a TOML file; default: shocks shared, beside others.")
    ] = None,
    errors: Annotated[str | None, typer.Option(help="iid, ar1 or random_walk; default: the card's.")] = None,
    family: Annotated[str, typer.Option(help="normal, or poisson: PPML of a level with zeros.")] = "normal",
    engine: Annotated[str, typer.Option(help="auto, marginal or nuts.")] = "auto",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Estimate the effect in any CSV: a posterior beside the frequentist answers."""
    from bri_bayes.app.estimate import Request
    from bri_bayes.app.estimate import estimate as answer
    from bri_bayes.data.number_format import NumberFormat
    from bri_bayes.data.text_encoding import TextFormat

    request = Request(
        path=panel,
        outcome=outcome,
        unit=unit,
        period=period,
        treated=parse_units(treated, panel, unit, encoding),
        onset=onset,
        treatment=treatment,
        onset_column=onset_column,
        controls=parse_units(controls, panel, unit, encoding),
        covariates=parse_lists(covariates),
        groups=groups,
        weights=weights,
        periods=parse_between(periods),
        window=window,
        marks=NumberFormat(decimal, thousands),
        text_format=TextFormat(encoding, parse_lists(missing)),
        model=model,
        errors=errors,
        family=family,
        engine=engine,
        seed=seed,
    )
    values = answer(request)
    from bri_bayes.presentation.gates import beyond_limits

    failed = [] if values.pop("trustworthy") else [beyond_limits(values["bayes"])]
    values["failed_gates"] = failed
    if as_json:
        print_json(values)
    else:
        from bri_bayes.presentation.estimate_text import estimate_text

        typer.echo(estimate_text(values))
    stop_if_failed(failed)


@app.command()
def match(
    data: Annotated[Path, typer.Argument(help="A CSV with one row an observation.")],
    treatment: Annotated[str, typer.Option(help="A 0/1 column.")],
    covariates: Annotated[
        list[str], typer.Option(help="Of the logit: X, log(X), X^2, X==V, products with *; words: levels.")
    ],
    outcome: Annotated[str, typer.Option(help="Column of the outcome.")],
    method: Annotated[str, typer.Option(help="nearest, kernel or radius.")] = "nearest",
    replace: Annotated[bool, typer.Option("--replace", help="Nearest: a control may serve more than once.")] = False,
    neighbours: Annotated[int, typer.Option(help="Nearest: controls a treated row.")] = 1,
    ties: Annotated[str, typer.Option(help="Nearest: all (share the weight) or first.")] = "all",
    order: Annotated[str, typer.Option(help="Nearest without replacement: largest, smallest score first, or data.")] = (
        "largest"
    ),
    caliper: Annotated[float | None, typer.Option(help="Nearest: largest distance of a match.")] = None,
    kernel: Annotated[str, typer.Option(help="epanechnikov or gaussian.")] = "epanechnikov",
    bandwidth: Annotated[float, typer.Option(help="Kernel: its bandwidth.")] = 0.06,
    radius: Annotated[float, typer.Option(help="Radius: the largest distance.")] = 0.1,
    support: Annotated[
        str, typer.Option(help="Leave out rows outside the range of: none, controls, treated, both.")
    ] = ("none"),
    score: Annotated[str | None, typer.Option(help="A column with a given score, in place of the logit.")] = None,
    log_odds: Annotated[bool, typer.Option("--log-odds", help="Distances of log odds, not of probabilities.")] = False,
    decimal: DecimalOption = None,
    thousands: ThousandsOption = None,
    encoding: EncodingOption = None,
    missing: MissingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Match on a propensity score in any CSV: the effect on the treated, its standard errors, balance and support."""
    from bri_bayes.app.match import MatchRequest, match_text, match_values
    from bri_bayes.data.number_format import NumberFormat
    from bri_bayes.data.text_encoding import TextFormat
    from bri_bayes.frequentist.matching import Rule

    options: Any = (method, replace, neighbours, ties, order, caliper, kernel, bandwidth, radius, support)
    request = MatchRequest(
        data,
        treatment,
        parse_lists(covariates),
        outcome,
        Rule(*options),
        score=score,
        log_odds=log_odds,
        marks=NumberFormat(decimal, thousands),
        text_format=TextFormat(encoding, parse_lists(missing)),
    )
    values = match_values(request)
    if as_json:
        print_json(values)
    else:
        typer.echo(match_text(values))


@app.command()
def audit(
    tables: Annotated[
        Path | None, typer.Argument(help="Regressions as reported, in TOML; default: the paper, with its text.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Which numbers of a paper contradict each other? Every rule recomputes what the printed tables imply."""
    from bri_bayes.paper.audit import audit_text, audit_values, findings_and_questions

    findings, passed, not_asked = findings_and_questions(tables)
    if as_json:
        print_json(audit_values(findings))
    else:
        typer.echo(audit_text(findings, passed, not_asked))


@app.command()
def consistent(
    tables: Annotated[
        Path | None, typer.Argument(help="Regressions as reported, in TOML; default: the paper's, by tables.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Can reported regressions come from one data set? Decided within rounding, with a certificate either way."""
    from bri_bayes.paper.consistency_values import consistency_text, file_consistency, paper_consistency

    entries = paper_consistency() if tables is None else file_consistency(tables)
    if as_json:
        print_json(entries)
    else:
        typer.echo(consistency_text(entries))
    if conflicts := [entry["name"] for entry in entries if entry["verdict"] == "conflict"]:
        typer.echo(f"bri-bayes: no data set can give all of {'; '.join(conflicts)}", err=True)
        raise typer.Exit(1)


@app.command()
def replicate(
    tables: Annotated[str, typer.Option(help="Which tables, 1 to 8, as in 3,8.")] = "3,4,5,6,7,8",
    as_json: JsonOption = False,
) -> None:
    """The paper's tables on panels that were rebuilt from them: published and reproduced, cell by cell."""
    from bri_bayes.paper.replication_values import panel_digests, replication_entries, replication_text

    entries = replication_entries(tables)
    if as_json:
        print_json(entries)
    else:
        typer.echo(replication_text(entries, panel_digests()))
    if not all(entry["agrees"] for entry in entries):
        typer.echo("bri-bayes: not every published number is reproduced", err=True)
        raise typer.Exit(1)


@app.command()
def models(name: Annotated[str | None, typer.Argument(help="A card.")] = None) -> None:
    """List the model cards, or show one with every prior."""
    from bri_bayes.study.card_text import describe
    from bri_bayes.study.model_card import load_card, model_names

    if name is None:
        for known in model_names():
            typer.echo(f"{known:24s}{load_card(known).title}")
    else:
        typer.echo(describe(load_card(name)))


register_init(app)
register_report(app)
register_sections(app)
register_measures(app)
register_data(app)
