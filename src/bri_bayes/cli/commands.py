"""Which commands ask for one section of the report? Same study, same cache, one result on stdout."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

StudyArgument = Annotated[Path | None, typer.Argument(help="A study folder or TOML; default: the study that ships.")]
PanelOption = Annotated[Path | None, typer.Option("--panel", help="The CSV that the study describes.")]
QuickOption = Annotated[bool, typer.Option("--quick", help="Fewer draws and refits.")]
JobsOption = Annotated[
    int | None, typer.Option(help="Processes that fit models; default: one a processor.", min=1, show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SeedOption = Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)]


# Commands without options of their own, and the question that each answers; one has a section of another name.
_SECTION_OF = {"curve": "speccurve"}
_PLAIN: Mapping[str, str] = {
    "pretrends": "Did the groups move apart before the policy, and would this panel have shown it?",
    "honest": "What if trends were not parallel? The effect by the drift of the treated, and honest intervals.",
    "mechanism": "Through which channel does the effect run, and how large a confounder would undo it?",
    "joint": "Did two outcomes both rise? One model, and a probability for each combination.",
    "compare": "Which model predicts what it has not seen, and does the effect hang on it?",
    "curve": "Which answers would other choices have given? A curve of several hundred Bayesian fits.",
    "prior": "What does the prior expect, which prior does the answer hang on, and which scales were learned?",
    "robustness": "Over every choice that was tried, where can the answer lie, and which matter most?",
}


def register_sections(app: typer.Typer) -> None:
    """Add the command of each section to the command line."""
    for name in (*_PLAIN, *_WITH_OPTIONS):
        app.command(name)(_WITH_OPTIONS.get(name) or _plain(_SECTION_OF.get(name, name), _PLAIN[name]))


def _plain(section: str, question: str) -> Callable[..., None]:
    """The command of a section that has no options of its own."""

    def command(
        study: StudyArgument = None,
        panel: PanelOption = None,
        quick: QuickOption = False,
        jobs: JobsOption = None,
        seed: SeedOption = 0,
        as_json: JsonOption = False,
    ) -> None:
        show_section(section, study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json)

    command.__doc__ = question
    return command


def placebo(
    study: StudyArgument = None,
    panel: PanelOption = None,
    kind: Annotated[str, typer.Option(help="time, space, predictive or all.")] = "all",
    quick: QuickOption = False,
    jobs: JobsOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Would we have seen this without the policy? Earlier onsets, other groups, simulated panels."""
    show_section("placebo", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json, kind=kind)


def propensity(
    study: StudyArgument = None,
    panel: PanelOption = None,
    model: Annotated[str | None, typer.Option(help="A propensity card: a name or a TOML file.")] = None,
    quick: QuickOption = False,
    jobs: JobsOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Were the controls alike before? Propensity, overlap, balance, and a match that carries its uncertainty."""
    more = {} if model is None else {"model": model}
    show_section("propensity", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json, **more)


def controls(
    study: StudyArgument = None,
    panel: PanelOption = None,
    kind: Annotated[
        str | None, typer.Option(help="Only: subsets, contaminated, pool or counterfactuals; default: all.")
    ] = None,
    quick: QuickOption = False,
    jobs: JobsOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Does the answer hang on the choice of controls? Sets, single units, a wider pool, controls that are not clean."""
    show_section("controls", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json, kind=kind)


def moderation(
    study: StudyArgument = None,
    panel: PanelOption = None,
    moderator: Annotated[str | None, typer.Option(help="A variable of the study; default: its first modifier.")] = None,
    quick: QuickOption = False,
    jobs: JobsOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Does the effect fall with inequality, or with another moderator?"""
    more = {} if moderator is None else {"moderator": moderator}
    show_section("moderation", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json, **more)


_WITH_OPTIONS: Mapping[str, Callable[..., None]] = {
    "placebo": placebo,
    "propensity": propensity,
    "controls": controls,
    "moderation": moderation,
}


def processes(jobs: int | None) -> int:
    """As many as were asked for, else one for each processor that this process may use."""
    if jobs is not None:
        return jobs
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def print_json(values: Any) -> None:
    """One JSON document on stdout; NaN and infinity are refused."""
    typer.echo(json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False))


def show_section(
    name: str,
    study: Path | None,
    *,
    panel: Path | None,
    quick: bool,
    jobs: int | None,
    seed: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a section and print it."""
    from bri_bayes.app.study_run import section_values

    values = section_values(name, study, panel=panel, quick=quick, jobs=processes(jobs), seed=seed, options=options)
    print_section(name, values, as_json=as_json)


def print_section(name: str, values: dict[str, Any], *, as_json: bool) -> None:
    """Print the values of a section; exit status 1 when a check or a diagnostic of it failed."""
    from bri_bayes.app.study_run import section_text

    if as_json:
        print_json(values)
    else:
        typer.echo(section_text(name, values))
    failed = [*values.get("failed_gates", [])]
    failed += [check["detail"] for check in values.get("checks", []) if check["passed"] is False]
    if failed:
        typer.echo("bri-bayes: " + "; ".join(failed), err=True)
        raise typer.Exit(1)
