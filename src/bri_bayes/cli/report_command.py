"""Which command writes the report of the last run again, and in which form?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bri_bayes.cli.commands import OF_FIGURES, JobsOption, PngOption, processes


def register_report(app: typer.Typer) -> None:
    """Add the command ``report``."""

    @app.command()
    def report(
        study: Annotated[
            Path | None, typer.Argument(help="A study, or the folder of its run; default: the study that ships.")
        ] = None,
        out: Annotated[Path | None, typer.Option(help="Folder of the run.")] = None,
        form: Annotated[
            Literal["html", "docx", "pdf"],
            typer.Option("--format", help="docx: the main page for Word; pdf: both pages, by Chromium."),
        ] = "html",
        language: Annotated[
            Literal["en", "zh"], typer.Option("--lang", help="zh: the main page in Chinese too, as report.zh.html.")
        ] = "en",
        table: Annotated[
            str | None, typer.Option(help="One table alone, by the name of its CSV; --format docx or html.")
        ] = None,
        png: PngOption = False,
        jobs: JobsOption = None,
    ) -> None:
        """Write the report again from the values of the last run: as pages, for Word, on paper; or one table alone."""
        workers = processes(jobs, *OF_FIGURES, steps=False)
        from bri_bayes.app.study_run import render_again

        path = render_again(study, out=out, form=form, language=language, table=table, png=png, jobs=workers)
        typer.echo(str(path))
