"""Which command writes the report of the last run again, and in which form?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bri_bayes.cli.commands import JobsOption, PngOption, StudyArgument, processes


def register_report(app: typer.Typer) -> None:
    """Add the command ``report``."""

    @app.command()
    def report(
        study: StudyArgument = None,
        out: Annotated[Path | None, typer.Option(help="Folder of the run.")] = None,
        form: Annotated[
            Literal["html", "docx", "pdf"],
            typer.Option("--format", help="docx: the main page for Word; pdf: both pages, by Chromium."),
        ] = "html",
        language: Annotated[
            Literal["en", "zh"], typer.Option("--lang", help="zh: the main page in Chinese too, as report.zh.html.")
        ] = "en",
        png: PngOption = False,
        jobs: JobsOption = None,
    ) -> None:
        """Write the report again from the values of the last run: as pages, for Word, or on paper."""
        workers = processes(jobs)
        from bri_bayes.app.study_run import render_again

        typer.echo(str(render_again(study, out=out, form=form, language=language, png=png, jobs=workers)))
