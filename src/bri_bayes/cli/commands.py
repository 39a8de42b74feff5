"""Which commands ask for one section of the report? Same study, same cache, one result on stdout."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bri_bayes.core.names import SECTIONS
from bri_bayes.core.processors import processors

if TYPE_CHECKING:
    from bri_bayes.app.section_answer import SectionAnswer

StudyArgument = Annotated[Path | None, typer.Argument(help="A study folder or TOML; default: the study that ships.")]
PanelOption = Annotated[Path | None, typer.Option("--panel", help="The CSV that the study describes.")]
QuickOption = Annotated[bool, typer.Option("--quick", help="Fewer draws and refits.")]
JobsOption = Annotated[
    int | None,
    typer.Option(help="Processes that fit models; default: one a processor.", min=1, max=1024, show_default=False),
]
DaskOption = Annotated[
    str | None,
    typer.Option(help="Scheduler of a Dask cluster of your own that fits models, tcp://HOST:PORT.", show_default=False),
]
PngOption = Annotated[bool, typer.Option("--png", help="Write each figure as PNG, too.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SeedOption = Annotated[int, typer.Option(help="Seed of all random numbers.", min=0, max=2**32 - 1)]
# Of a CSV of the user's own: what a unit and a period is, who is treated from when on, and which rows count.
UnitOption = Annotated[str, typer.Option(help="Column of the unit.")]
PeriodOption = Annotated[str, typer.Option(help="Column of the period.")]
ONSET = typer.Option(help="First treated period, as the file writes it.")
ControlsOption = Annotated[list[str] | None, typer.Option(help="Control units; default: all others; may be repeated.")]
EncodingOption = Annotated[
    str | None, typer.Option(help="Encoding of a text file: latin-1, cp1252, gbk, utf-16 ...; default: UTF-8.")
]
MissingOption = Annotated[
    list[str] | None, typer.Option(help="Texts that mean missing, beside NA, .. and the like; may be repeated.")
]
PeriodsOption = Annotated[str | None, typer.Option(help="First and last period, 2003:2020.")]


# A command whose section has another name, and the option that a section has beside those of all.
_COMMAND_OF = {"speccurve": "curve"}
_OPTION_OF: Mapping[str, tuple[str, str]] = {
    "placebo": ("kind", "Only: time, space, region or predictive; default: all."),
    "propensity": ("model", "A propensity card: a name or a TOML file."),
    "controls": ("kind", "Only: subsets, contaminated, pool or counterfactuals; default: all."),
    "moderation": ("moderator", "A variable of the study; default: its first modifier."),
}


# What every step of a study imports; xarray looks for arrays of the last when it makes an index.
_OF_WORKERS = ("bri_bayes.app.section_answer", "scipy.stats", "sparse")
# What every figure imports, and what the steps of a whole run do beside.
OF_FIGURES = ("bri_bayes.report.figures.theme", "matplotlib.backends.backend_svg")
OF_A_RUN = ("arviz_stats", *OF_FIGURES)


def register_sections(app: typer.Typer) -> None:
    """Add the command of each section that has one to the command line."""
    for name, question in SECTIONS.items():
        if question is not None:
            app.command(_COMMAND_OF.get(name, name), help=question)(_command(name, _OPTION_OF.get(name)))


def _command(section: str, option: tuple[str, str] | None) -> Callable[..., None]:
    """The command of a section: study, panel, and at most one option of its own, by name and help."""

    def command(
        study: StudyArgument = None,
        panel: PanelOption = None,
        quick: QuickOption = False,
        jobs: JobsOption = None,
        dask: DaskOption = None,
        seed: SeedOption = 0,
        as_json: JsonOption = False,
        **options: str | None,
    ) -> None:
        workers = processes(jobs, f"bri_bayes.report.sections.{section}", dask=dask)
        from bri_bayes.app.section_answer import section_answer

        given = {name: value for name, value in options.items() if value is not None}
        answer = section_answer(
            section, study, panel=panel, quick=quick, jobs=workers, dask=dask, seed=seed, options=given
        )
        print_section(answer, as_json=as_json)

    shown = signature(command, eval_str=True)
    parameters = [item for item in shown.parameters.values() if item.kind is not Parameter.VAR_KEYWORD]
    if option is not None:
        kind = Annotated[str | None, typer.Option(help=option[1])]
        parameters.append(Parameter(option[0], Parameter.KEYWORD_ONLY, default=None, annotation=kind))
    # What the parser reads: it has no place for options by any name.
    command.__signature__ = shown.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {item.name: item.annotation for item in parameters}
    return command


def processes(jobs: int | None, *modules: str, dask: str | None = None, steps: bool = True) -> int:
    """As many as were asked for, else one for each processor that this process may use.

    They begin to import ``modules``, and what every step needs if there are ``steps``; not where the cluster ``dask``
    does the steps.
    """
    wanted = processors() if jobs is None else jobs
    if dask is not None:
        from bri_bayes.runtime.dask_cluster import check_cluster

        check_cluster(dask)
        return wanted
    from bri_bayes.runtime.executors import import_ahead

    import_ahead(wanted, [*(_OF_WORKERS if steps else ()), *modules])
    return wanted


def print_json(values: Any) -> None:
    """One JSON document on stdout; NaN and infinity are refused."""
    typer.echo(json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False))


def print_section(answer: SectionAnswer, *, as_json: bool) -> None:
    """Print a section; exit status 1 when a check or a diagnostic of it failed."""
    if as_json:
        print_json(answer.values)
    else:
        typer.echo(answer.text())
    stop_if_failed(answer.failed())


def stop_if_failed(failed: Sequence[str]) -> None:
    """Exit status 1 and what failed, if anything did."""
    if failed:
        typer.echo("bri-bayes: " + "; ".join(failed), err=True)
        raise typer.Exit(1)
