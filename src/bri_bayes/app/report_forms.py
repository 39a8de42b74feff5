"""In which other forms is a report written? For Word, on paper, and its main page in another language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.io import write_text
from bri_bayes.presentation.main_tables import TABLES
from bri_bayes.presentation.names_shown import table_in_words
from bri_bayes.presentation.page_parts import Part
from bri_bayes.report.sections import load_sections, section_names
from bri_bayes.report.table_files import html_text

Form = Literal["html", "docx", "pdf"]


def written_as(form: Form, language: str, values: Mapping[str, Any], page: Path) -> Path:
    """Write the report of ``page`` in another form beside it; the path of what was written.

    "docx" : the main page for Word; "pdf" : the pages on paper, by Chromium; "html" : the main page in ``language``.
    """
    if form != "html" and language != "en":
        raise InputError("only the HTML main page has another language; leave out --format or --lang")
    if form == "pdf":
        from bri_bayes.report.printed import write_pdf

        return write_pdf(page)
    from bri_bayes.report.figures import available
    from bri_bayes.report.render import render_report, shown_on_the_main_page
    from bri_bayes.report.word_file import write_word

    folder, parts = page.parent, parts_of(values)
    figures = {name: folder / "figures" / f"{name}.svg" for name in available(values)}
    if form == "docx":
        content = shown_on_the_main_page(values, figures, parts)
        return write_word(values, content, page.with_suffix(".docx"))
    tables = [path.stem for path in sorted((folder / "tables").glob("*.csv"))]
    beside = page.with_suffix(f".{language}.html")
    return render_report(values, figures, beside, parts, tables=tables, language=language)


def table_as(form: Form, name: str, values: Mapping[str, Any], page: Path) -> Path:
    """Write one table of the report, by the name of its CSV, beside that: "docx" for Word, "html" for others."""
    sections = load_sections(section for section in section_names() if values.get(section))
    known = {spec.name: spec for spec in (*TABLES, *(spec for section in sections for spec in section.tables))}
    if name not in known:
        raise InputError(f'the report has no table "{name}"; {suggest(name, known)}')
    if form == "pdf":
        raise InputError("a table by itself is for Word or a browser: --format docx or html; its LaTeX is in tables/")
    if not (table := known[name].fill(values)).rows:
        raise InputError(f'the table "{name}" has no rows in this report')
    out = page.parent / "tables" / f"{name}.{form}"
    if form == "docx":
        from bri_bayes.report.word_file import write_word_table

        return write_word_table(values, table, out)
    write_text(out, html_text(table_in_words(values, table)))
    return out


def parts_of(values: Mapping[str, Any]) -> dict[str, tuple[str, Sequence[Part]]]:
    """Title and parts of each section that the values have."""
    sections = load_sections(name for name in section_names() if values.get(name))
    return {section.name: (section.title, section.parts(values)) for section in sections}
