"""How does the report get into a manuscript? Its main page as a Word file, with the main tables and figures."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from bri_bayes.core.io import written_beside
from bri_bayes.presentation.cells import Grid, grid, readable
from bri_bayes.presentation.names_shown import gate_in_words, in_words, table_in_words
from bri_bayes.presentation.period_words import markup_writer
from bri_bayes.presentation.study_tables import Values
from bri_bayes.presentation.table_spec import Table
from bri_bayes.report.figures import drawn_as_png

# Of a sheet with margins of 2.5 cm, in the units of the format: 360,000 a centimetre.
_TEXT_WIDTH = 16 * 360_000
# The first day that a zip archive can hold: the same content, the same bytes.
_DAY = (1980, 1, 1, 0, 0, 0)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006"
_SPACES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
    f'xmlns:r="{_OFFICE}" xmlns:a="{_DRAWING}/main" xmlns:pic="{_DRAWING}/picture" '
    f'xmlns:wp="{_DRAWING}/wordprocessingDrawing"'
)
_DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SIZES = {"Title": 36, "Heading1": 28, "Heading2": 24, "Caption": 18}


@dataclass(frozen=True)
class _Image:
    """A PNG of the file. ``size`` : width and height in pixels."""

    name: str
    data: bytes
    size: tuple[int, int]
    said: str


def write_word(values: Values, content: Mapping[str, Any], out: Path) -> Path:
    """Write the main page to ``out``, its figures drawn as PNG. ``content`` : of the main page."""
    images: list[_Image] = []
    return _written(markup_writer(values)("".join(_body(values, content, images))), images, out)


def write_word_table(values: Values, table: Table, out: Path) -> Path:
    """Write one table to ``out``, with its caption and notes, to be copied into a manuscript."""
    return _written(_table(values, table), [], out)


def _written(body: str, images: list[_Image], out: Path) -> Path:
    """The parts of the file around the body of its document."""
    document = f"{_DECLARED}<w:document {_SPACES}><w:body>{body}{_SHEET}</w:body></w:document>"
    parts: dict[str, bytes] = {
        "[Content_Types].xml": _TYPES.encode(),
        "_rels/.rels": _relations([("rId1", "officeDocument", "word/document.xml")]),
        "word/document.xml": document.encode(),
        "word/styles.xml": _styles().encode(),
        "word/_rels/document.xml.rels": _relations(
            [("rStyles", "styles", "styles.xml")]
            + [(f"rImage{at}", "image", f"media/{image.name}.png") for at, image in enumerate(images)]
        ),
        **{f"word/media/{image.name}.png": image.data for image in images},
    }
    with written_beside(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, _DAY), data, zipfile.ZIP_DEFLATED)
    return out


def _body(values: Values, content: Mapping[str, Any], images: list[_Image]) -> Iterable[str]:
    """The main page from top to bottom."""
    yield _paragraph(content["title"], "Title")
    if content["banner"]:
        yield _paragraph(content["banner"], bold=True)
    yield _paragraph(content["question"])
    yield _paragraph(content["provenance"], "Caption")
    if content["quick"]:
        yield _paragraph("A quick run: a first look, and no result.", bold=True)
    for sentence in content["failed"]:
        yield _paragraph(f"Not to be trusted: {gate_in_words(values, sentence)}", bold=True)
    for answer in content["answers"]:
        yield _paragraph(answer["label"], "Heading2")
        yield _paragraph(answer["sentence"], bold=True)
        yield from (_paragraph(f"{line.heading}: {line.text}") for line in answer["lines"])
    yield from (_paragraph(in_words(values, text)) for text in content["together"])
    yield from _picture(values, content, "comparison", images)
    yield from (_table(values, table) for table in content["headline"])
    for brief in content["briefs"]:
        yield _paragraph(brief.question, "Heading1")
        yield from (_paragraph(text) for text in brief.answer)
        if brief.figure:
            yield from _picture(values, content, brief.figure, images)
        if brief.table:
            yield _table(values, brief.table)


def _paragraph(text: str, style: str = "Normal", *, bold: bool = False) -> str:
    weight = "<w:rPr><w:b/></w:rPr>" if bold else ""
    run = f'<w:r>{weight}<w:t xml:space="preserve">{escape(readable(text))}</w:t></w:r>'
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr>{run}</w:p>'


def _table(values: Values, table: Table) -> str:
    """Caption, headings that repeat on every sheet, rows, notes."""
    shown: Grid = grid(table_in_words(values, table))
    heads = [_cell(column.heading, number=column.is_numeric, bold=True) for column in shown.columns]
    rows = [f"<w:tr><w:trPr><w:tblHeader/></w:trPr>{''.join(heads)}</w:tr>"]
    for row in shown.rows:
        cells = [_cell(cell.text, number=cell.value is not None) for cell in row]
        rows.append(f"<w:tr><w:trPr><w:cantSplit/></w:trPr>{''.join(cells)}</w:tr>")
    grid_of = "<w:gridCol/>" * len(shown.columns)
    caption = f"{table.caption} ({table.alarm})" if table.alarm else table.caption
    notes = "".join(_paragraph(in_words(values, note), "Caption") for note in shown.notes)
    borders = "".join(f'<w:{edge} w:val="single" w:sz="4" w:color="999999"/>' for edge in ("top", "bottom", "insideH"))
    looks = f'<w:tblPr><w:tblW w:w="5000" w:type="pct"/><w:tblBorders>{borders}</w:tblBorders></w:tblPr>'
    head = _paragraph(in_words(values, caption), "Caption", bold=True)
    return f"{head}<w:tbl>{looks}<w:tblGrid>{grid_of}</w:tblGrid>{''.join(rows)}</w:tbl>{notes}{_paragraph('')}"


def _cell(text: str, *, number: bool, bold: bool = False) -> str:
    side = '<w:jc w:val="right"/>' if number else ""
    weight = "<w:b/>" if bold else ""
    run = f'<w:r><w:rPr>{weight}<w:sz w:val="17"/></w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r>'
    spacing = '<w:spacing w:before="20" w:after="20"/>'
    return f"<w:tc><w:tcPr/><w:p><w:pPr>{spacing}{side}</w:pPr>{run}</w:p></w:tc>"


def _picture(values: Values, content: Mapping[str, Any], name: str, images: list[_Image]) -> Iterable[str]:
    """A figure as wide as the text, with its sentences for who cannot see it."""
    if name not in content["drawings"]:
        return
    data = drawn_as_png(values, name)
    image = _Image(name, data, struct.unpack(">II", data[16:24]), " ".join(content["drawings"][name].sentences))
    images.append(image)
    at, (width, height) = len(images) - 1, image.size
    across = min(_TEXT_WIDTH, int(22 * 360_000 * width / height))
    extent = f'cx="{across}" cy="{round(across * height / width)}"'
    named = f'id="{at + 1}" name={quoteattr(name.replace("_", " "))} descr={quoteattr(readable(image.said))}'
    yield (
        f"<w:p><w:r><w:drawing><wp:inline><wp:extent {extent}/><wp:docPr {named}/><a:graphic><a:graphicData "
        f'uri="{_DRAWING}/picture"><pic:pic><pic:nvPicPr><pic:cNvPr {named}/><pic:cNvPicPr/></pic:nvPicPr>'
        f'<pic:blipFill><a:blip r:embed="rImage{at}"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill><pic:spPr>'
        f'<a:xfrm><a:off x="0" y="0"/><a:ext {extent}/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom>'
        "</pic:spPr></pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
    )


def _relations(relations: Iterable[tuple[str, str, str]]) -> bytes:
    each = "".join(f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{to}"/>' for key, kind, to in relations)
    return f'{_DECLARED}<Relationships xmlns="{_PACKAGE}/relationships">{each}</Relationships>'.encode()


def _styles() -> str:
    plain = '<w:rFonts w:ascii="Calibri" w:hAnsi="Calibri" w:eastAsia="SimSun"/><w:sz w:val="21"/>'
    default = f"<w:docDefaults><w:rPrDefault><w:rPr>{plain}</w:rPr></w:rPrDefault></w:docDefaults>"
    spaced = '<w:pPr><w:spacing w:after="100"/></w:pPr>'
    styles = [
        f'<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/>{spaced}</w:style>'
    ]
    names = {"Title": "Title", "Heading1": "heading 1", "Heading2": "heading 2", "Caption": "caption"}
    for key, size in _SIZES.items():
        weight = "" if key == "Caption" else "<w:b/>"
        level = f'<w:outlineLvl w:val="{int(key[-1]) - 1}"/>' if key.startswith("Heading") else ""
        kept = '<w:keepNext/><w:spacing w:before="160" w:after="60"/>' if weight else '<w:spacing w:after="60"/>'
        styles.append(
            f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{names[key]}"/><w:basedOn w:val="Normal"/>'
            f'<w:pPr>{kept}{level}</w:pPr><w:rPr>{weight}<w:sz w:val="{size}"/></w:rPr></w:style>'
        )
    return f"{_DECLARED}<w:styles {_SPACES}>{default}{''.join(styles)}</w:styles>"


_MARGINS = " ".join(f'w:{side}="1417"' for side in ("top", "right", "bottom", "left"))
_SHEET = f'<w:sectPr><w:pgSz w:w="11906" w:h="16838"/><w:pgMar {_MARGINS}/></w:sectPr>'
_TYPES = (
    f'{_DECLARED}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="png" ContentType="image/png"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_MAIN}.document.main+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{_MAIN}.styles+xml"/></Types>'
)
