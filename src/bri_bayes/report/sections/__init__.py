"""Which sections does the report have beyond the main answer? One vertical slice a file: work, values, tables, page."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import SECTIONS
from bri_bayes.report.sections.section import Section


def section_names() -> tuple[str, ...]:
    """The sections that exist, in the order of the page."""
    modules = {module.name for module in iter_modules(__path__)}
    return tuple(name for name in SECTIONS if name in modules)


def load_sections(names: Iterable[str]) -> list[Section]:
    """The sections of these names in the order of the page."""
    wanted = set(names)
    return [load_section(name) for name in section_names() if name in wanted]


def load_section(name: str) -> Section:
    """The section called ``name``; its module is imported now."""
    if name not in section_names():
        raise InputError(f'there is no section "{name}"; {suggest(name, section_names())}')
    section: Section = import_module(f"{__name__}.{name}").SECTION
    return section
