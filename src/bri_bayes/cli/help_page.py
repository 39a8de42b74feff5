"""Which commands are there? ``bri-bayes`` and ``bri-bayes --help`` list them by what a reader wants to know."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

GROUPS = {
    "Start": ("estimate", "run", "init", "report", "data"),
    "Checks of the answer": (
        "placebo", "pretrends", "honest", "controls", "pool", "compare", "curve", "prior", "robustness",
    ),
    "What drives the effect": ("moderation", "mechanism", "joint", "categories", "gravity", "mirror"),
    "Matching": ("match", "propensity"),
    "A printed paper": ("audit", "consistent", "replicate"),
    "Measures and models": ("inequality", "quality", "models"),
}  # fmt: skip
# As in every tool of today.
CONTEXT = {"help_option_names": ["-h", "--help"]}


class GroupedCommands(TyperGroup):
    """Lists commands under headings; one that no heading names stands under the last, so that none is lost."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections of the help."""
        known = {name: command for name in self.list_commands(ctx) if (command := self.get_command(ctx, name))}
        listed = [name for names in GROUPS.values() for name in names]
        groups = {heading: [name for name in names if name in known] for heading, names in GROUPS.items()}
        groups["Other"] = [name for name in known if name not in listed]
        for heading, names in groups.items():
            if names:
                with formatter.section(heading):
                    formatter.write_dl([(name, _first_sentence(known[name])) for name in names])


def _first_sentence(command: Any) -> str:
    """What the command answers, without how."""
    text = " ".join(str(command.short_help or command.help or "").split())
    return re.split(r"(?<=[.?]) ", text, maxsplit=1)[0]


def show_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        from bri_bayes import __version__

        typer.echo(f"bri-bayes {__version__}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and end.")
]


def help_if_alone(ctx: typer.Context) -> None:
    """Print the help of a group that was called without a command."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
