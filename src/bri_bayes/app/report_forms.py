"""In which other forms is a report written? For Word, on paper, and its main page in another language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from bri_bayes.core.errors import InputError
from bri_bayes.presentation.page_parts import Part
from bri_bayes.report.sections import load_sections, section_names

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


def parts_of(values: Mapping[str, Any]) -> dict[str, tuple[str, Sequence[Part]]]:
    """Title and parts of each section that the values have."""
    sections = load_sections(name for name in section_names() if values.get(name))
    return {section.name: (section.title, section.parts(values)) for section in sections}
