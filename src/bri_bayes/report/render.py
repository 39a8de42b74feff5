"""How does a reader see the study? One sheet, a main page, an appendix with all; they open without a network."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.io import write_text
from bri_bayes.core.resources import shipped
from bri_bayes.presentation.catalogue import Say, speaker
from bri_bayes.presentation.cells import Grid, grid
from bri_bayes.presentation.names_shown import gate_in_words, in_words, table_in_words
from bri_bayes.presentation.period_words import markup_writer
from bri_bayes.presentation.study_tables import Values
from bri_bayes.presentation.table_spec import Table
from bri_bayes.presentation.terminal_table import unbroken
from bri_bayes.report.appendix import Sections, appendix_content
from bri_bayes.report.figures import FIGURES
from bri_bayes.report.main_page import main_content
from bri_bayes.report.one_page import one_page_content

APPENDIX, ONE_PAGE = "appendix.html", "one_page"


def render_report(
    values: Values,
    figures: Mapping[str, Path],
    out: Path,
    sections: Sections | None = None,
    *,
    tables: Collection[str] = (),
    language: str = "en",
) -> Path:
    """Write the main page to ``out``, its one sheet and ``appendix.html`` beside it; same values, same bytes.

    ``figures`` : the SVG of each figure by its name; a section without figure and numbers is left out. ``sections`` :
    title and parts of each further section by its anchor, in the order of the page. ``tables`` : those that are
    written beside it, to which the pages link. ``language`` : of the main page; the appendix is English.
    """
    for name in figures:
        if name not in FIGURES:
            raise InputError(f'the report has no place for the figure "{name}"; {suggest(name, FIGURES)}')
    folder = Path(shipped("reports/templates"))
    script = Markup((folder / "report.js").read_text(encoding="utf-8"))
    appendix = appendix_content(values, figures, sections or {})
    appendix |= {"written": list(tables), "script": script, "script_hash": _hash(script)}
    sheet = out.with_name("".join((ONE_PAGE, *out.suffixes)))
    main = main_content(values, appendix) | {"one_page": sheet.name}
    contents = {"appendix": appendix, "main": main, "sheet": one_page_content(values, main, out.name)}
    templates = {"appendix": f"{APPENDIX}.j2", "main": "report.html.j2", "sheet": f"{ONE_PAGE}.html.j2"}
    write = markup_writer(values)
    texts, elsewhere = {}, [{"to": f"{APPENDIX}#{anchor}", "name": title} for anchor, title in appendix["contents"]]
    for page, template in templates.items():
        anchors = _Anchors()
        spoken = "en" if page == "appendix" else language
        environment = _environment(folder, values, anchors, speaker(spoken))
        said = {"page": page, "elsewhere": elsewhere, "language": spoken}
        texts[page] = environment.get_template(template).render({**contents[page], **said})
        texts[page] = write(texts[page])
        elsewhere += [{"to": f"{APPENDIX}#{anchor}", "name": name} for anchor, name in anchors.named.items()]
    write_text(out.with_name(APPENDIX), texts["appendix"])
    write_text(sheet, texts["sheet"])
    write_text(out, texts["main"])
    return out


def shown_on_the_main_page(
    values: Values, figures: Mapping[str, Path], sections: Sections | None = None
) -> dict[str, Any]:
    """The content of the main page for another form than HTML."""
    return main_content(values, appendix_content(values, figures, sections or {}))


class _Anchors:
    """The anchor of each table of a page: its name, and a number where one name has several."""

    def __init__(self) -> None:
        self.named: dict[str, str] = {}
        self._met: Counter[str] = Counter()

    def of(self, table: Table) -> str:
        self._met[table.name] += 1
        times = self._met[table.name]
        anchor = f"table-{table.name}" if times == 1 else f"table-{table.name}-{times}"
        self.named[anchor] = table.caption
        return anchor


def _environment(folder: Path, values: Values, anchors: _Anchors, say: Say) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

    def words(text: Any) -> str:
        return in_words(values, str(text))

    def shown(table: Table) -> Grid:
        return grid(table_in_words(values, table))

    environment.filters |= {"grid": shown, "unbroken": unbroken, "words": words, "anchor": anchors.of}
    # A line may break between a minus and a dollar sign unless a word joiner stands there.
    environment.filters["say"] = lambda text: say(str(text)).replace("−$", "−\u2060$")
    # The numbers of an interval are elements of the page, so only the words around them are translated.
    environment.globals["within"] = Markup(say("95% interval {0} to {1}"))
    environment.filters["gate"] = lambda text: gate_in_words(values, text)
    return environment


def _hash(script: str) -> str:
    """What a browser needs to know the one script that it may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
