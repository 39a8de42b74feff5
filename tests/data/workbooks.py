"""Excel workbooks for tests, written by the standard with nothing but a zip of XML."""

from __future__ import annotations

import io
import zipfile

import pandas as pd


def workbook(rows: list[list[object]]) -> bytes:
    """A workbook of one sheet, written by the standard: texts in place, a date style for datetimes, no blank rows."""
    sheet = ""
    for number, row in enumerate(rows, 1):
        cells = ""
        for at, cell in enumerate(row):
            where = f'r="{chr(65 + at)}{number}"'
            if isinstance(cell, bool):
                cells += f'<c {where} t="b"><v>{int(cell)}</v></c>'
            elif isinstance(cell, pd.Timestamp):
                cells += f'<c {where} s="1"><v>{(cell - pd.Timestamp(1899, 12, 30)).days}</v></c>'
            elif isinstance(cell, str):
                cells += f'<c {where} t="inlineStr"><is><t>{cell}</t></is></c>'
            elif cell is not None:
                cells += f"<c {where}><v>{cell!r}</v></c>"
        sheet += f'<row r="{number}">{cells}</row>' if cells else ""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{links}"><sheets><sheet name="a" r:id="rId1"/></sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="w" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet {main}><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>',
        "xl/worksheets/sheet1.xml": f"<worksheet {main}><sheetData>{sheet}</sheetData></worksheet>",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return stream.getvalue()
