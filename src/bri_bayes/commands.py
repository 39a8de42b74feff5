"""Which commands ask for one section of the report? Same study, same cache, one result on stdout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

StudyArgument = Annotated[Path | None, typer.Argument(help="A study folder or TOML; default: the study that ships.")]
PanelOption = Annotated[Path | None, typer.Option("--panel", help="The CSV that the study describes.")]
QuickOption = Annotated[bool, typer.Option("--quick", help="Fewer draws and refits.")]
JobsOption = Annotated[int, typer.Option(help="Processes that fit models.", min=1)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SeedOption = Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)]


def register_sections(app: typer.Typer) -> None:
    """Add the command of each section to the command line."""
    app.command()(pretrends)
    app.command()(honest)
    app.command()(prior)
    app.command()(placebo)
    app.command()(propensity)
    app.command()(compare)
    app.command()(controls)
    app.command()(curve)
    app.command()(moderation)
    app.command()(mechanism)
    app.command()(joint)
    app.command("robustness")(in_one_view)


def pretrends(
    study: StudyArgument = None,
    panel: PanelOption = None,
    quick: QuickOption = False,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Did the groups move apart before the policy, and would this panel have shown it?"""
    show_section("pretrends", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json)


def honest(
    study: StudyArgument = None,
    panel: PanelOption = None,
    quick: QuickOption = False,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """What if trends were not parallel? The effect by the drift of the treated group, and Rambachan-Roth intervals."""
    show_section("honest", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json)


def prior(
    study: StudyArgument = None,
    panel: PanelOption = None,
    quick: QuickOption = False,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """What does the prior expect, which prior does the answer hang on, and which scales were learned?"""
    show_section("prior", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json)


def placebo(
    study: StudyArgument = None,
    panel: PanelOption = None,
    kind: Annotated[str, typer.Option(help="time, space, predictive or all.")] = "all",
    quick: QuickOption = False,
    jobs: JobsOption = 1,
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
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Were the controls alike before? Propensity, overlap, balance, and a match that carries its uncertainty."""
    more = {} if model is None else {"model": model}
    show_section("propensity", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json, **more)


def compare(
    study: StudyArgument = None,
    panel: PanelOption = None,
    quick: QuickOption = False,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Which model predicts what it has not seen, and does the effect hang on it? Scores, weights, the effect."""
    show_section("compare", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json)


def controls(
    study: StudyArgument = None,
    panel: PanelOption = None,
    kind: Annotated[
        str | None, typer.Option(help="Only: subsets, contaminated, pool or counterfactuals; default: all.")
    ] = None,
    quick: QuickOption = False,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Does the answer hang on the choice of controls? Sets, single units, a wider pool, controls that are not clean."""
    show_section("controls", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json, kind=kind)


def curve(
    study: StudyArgument = None,
    panel: PanelOption = None,
    quick: QuickOption = False,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Which answers would other choices have given? A specification curve of several hundred Bayesian fits."""
    show_section("speccurve", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json)


def moderation(
    study: StudyArgument = None,
    panel: PanelOption = None,
    moderator: Annotated[str | None, typer.Option(help="A variable of the study; default: its first modifier.")] = None,
    quick: QuickOption = False,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Does the effect fall with inequality, or with another moderator?"""
    more = {} if moderator is None else {"moderator": moderator}
    show_section("moderation", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json, **more)


def mechanism(
    study: StudyArgument = None,
    panel: PanelOption = None,
    quick: QuickOption = False,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Through which channel does the effect run, and how large a confounder would undo it?"""
    show_section("mechanism", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json)


def joint(
    study: StudyArgument = None,
    panel: PanelOption = None,
    quick: QuickOption = False,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Did two outcomes both rise? One model with correlated errors, and a probability for each combination."""
    show_section("joint", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json)


def in_one_view(
    study: StudyArgument = None,
    panel: PanelOption = None,
    quick: QuickOption = False,
    jobs: JobsOption = 1,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Over every choice that was tried, where can the answer lie, and which three choices matter most?"""
    show_section("robustness", study, panel=panel, quick=quick, jobs=jobs, seed=seed, as_json=as_json)


def print_json(values: Any) -> None:
    """One JSON document on stdout; NaN and infinity are refused."""
    typer.echo(json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False))


def show_section(
    name: str,
    study: Path | None,
    *,
    panel: Path | None,
    quick: bool,
    jobs: int,
    seed: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Run a section and print it; exit status 1 when a check or a diagnostic of it failed."""
    from bri_bayes.pipeline import section_text, section_values

    values = section_values(name, study, panel=panel, quick=quick, jobs=jobs, seed=seed, options=options)
    if as_json:
        print_json(values)
    else:
        typer.echo(section_text(name, values))
    failed = [*values.get("failed_gates", [])]
    failed += [check["detail"] for check in values.get("checks", []) if check["passed"] is False]
    if failed:
        typer.echo("bri-bayes: " + "; ".join(failed), err=True)
        raise typer.Exit(1)
