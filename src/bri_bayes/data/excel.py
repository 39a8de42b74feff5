"""What stands in the first sheet of an Excel workbook? The cells of an .xlsx file as text.

Office Open XML (ECMA-376): a zip of XML files. Numbers are stored with a point and every digit, so no mark has to be
guessed; a date is a number whose style has a date format; a formula counts with the value that was saved with it.
"""

from __future__ import annotations

import datetime
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO
from xml.etree import ElementTree

from bri_bayes.core.errors import InputError

_RELATION = re.compile(r"\{.*relationships\}id")
# The numbers of the formats that show a date, of those that every file may use without describing them.
_BUILT_IN_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_NO_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
# Most bytes of one part, unfolded: what is larger is damaged or hostile.
MOST_BYTES = 2**30
MOST_COLUMNS = 16_384
# What a damaged, encrypted or oddly packed workbook raises.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, ElementTree.ParseError, LookupError, ValueError, OSError, EOFError, OverflowError,
    StopIteration, RuntimeError, NotImplementedError,
)  # fmt: skip


def excel_rows(content: bytes, where: str) -> Iterator[tuple[int, list[str]]]:
    """Number and texts of each row of the first sheet; cells that are not stored are ""."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            path, epoch = _first_sheet(archive)
            strings, dates = _strings(archive), _date_styles(archive)
            yield from _rows(archive.open(path), strings, dates, epoch)
    except _DAMAGE as error:
        raise InputError(f"{where}: is not a readable .xlsx file ({' '.join(str(error).split())[:120]})") from error


def _part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element | None:
    if name not in archive.namelist():
        return None
    if archive.getinfo(name).file_size > MOST_BYTES:
        raise ValueError(f"{name} is larger than {MOST_BYTES >> 30} GB")
    with archive.open(name) as stream:
        return ElementTree.fromstring(stream.read(MOST_BYTES))


def _first_sheet(archive: zipfile.ZipFile) -> tuple[str, datetime.datetime]:
    """Where the first sheet lies, and the day from which dates are counted."""
    book = _part(archive, "xl/workbook.xml")
    links = _part(archive, "xl/_rels/workbook.xml.rels")
    if book is None or links is None:
        raise ValueError("it has no workbook inside")
    sheet = next(node for node in book.iter() if _name(node) == "sheet")
    key = next(value for name, value in sheet.attrib.items() if _RELATION.fullmatch(name))
    target = next(link.attrib["Target"] for link in links if link.attrib["Id"] == key)
    from_1904 = any(
        _name(node) == "workbookPr" and node.attrib.get("date1904", "0") in ("1", "true") for node in book.iter()
    )
    # Day 60 of the other calendar is the 29th of February 1900, which never was: later days count from the 30th.
    epoch = datetime.datetime(1904, 1, 1) if from_1904 else datetime.datetime(1899, 12, 30)
    return (target[1:] if target.startswith("/") else f"xl/{target}"), epoch


def _strings(archive: zipfile.ZipFile) -> list[str]:
    part = _part(archive, "xl/sharedStrings.xml")
    return [] if part is None else [_text(item) for item in part]


def _date_styles(archive: zipfile.ZipFile) -> set[int]:
    """The positions of the cell styles that show a date."""
    part = _part(archive, "xl/styles.xml")
    if part is None:
        return set()
    dates = {
        int(node.attrib["numFmtId"])
        for node in part.iter()
        if _name(node) == "numFmt" and re.search("[ymdhs]", _NO_FORMAT.sub("", node.attrib["formatCode"]).lower())
    }
    styles = next((node for node in part if _name(node) == "cellXfs"), None)
    numbers = [] if styles is None else [int(node.attrib.get("numFmtId", 0)) for node in styles]
    return {at for at, number in enumerate(numbers) if number in dates | _BUILT_IN_DATES}


def _rows(
    stream: IO[bytes], strings: list[str], dates: set[int], epoch: datetime.datetime
) -> Iterator[tuple[int, list[str]]]:
    number = 0
    for _, node in ElementTree.iterparse(stream, events=("end",)):
        if _name(node) != "row":
            continue
        number = int(node.attrib.get("r", number + 1))
        fields: list[str] = []
        for cell in node:
            at = _column(cell.attrib["r"]) if "r" in cell.attrib else len(fields)
            if at >= MOST_COLUMNS:
                raise ValueError(f"row {number} has a cell beyond the last column of a sheet")
            fields.extend([""] * (at + 1 - len(fields)))
            fields[at] = _value(cell, strings, dates, epoch)
        yield number, fields
        node.clear()


def _value(cell: ElementTree.Element, strings: list[str], dates: set[int], epoch: datetime.datetime) -> str:
    kind = cell.attrib.get("t", "n")
    if kind == "inlineStr":
        return _text(cell)
    stored = next((node.text or "" for node in cell if _name(node) == "v"), "")
    if not stored:
        return ""
    if kind == "s":
        return strings[int(stored)]
    if kind == "b":
        return "True" if stored == "1" else "False"
    return _number(stored, epoch if int(cell.attrib.get("s", 0)) in dates else None) if kind == "n" else stored


def _number(stored: str, epoch: datetime.datetime | None) -> str:
    """A number with every digit, or the date that lies so many days after ``epoch``."""
    number = float(stored)
    if epoch is None:
        return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)
    moment = epoch + datetime.timedelta(seconds=round(number * 86_400))
    return moment.date().isoformat() if moment.time() == datetime.time() else moment.isoformat(sep=" ")


def _text(node: ElementTree.Element) -> str:
    """The text of a string, without the readings that Japanese files put beside it."""
    parts = [child for child in node.iter() if _name(child) == "t"]
    readings = {id(child) for outer in node.iter() if _name(outer) == "rPh" for child in outer.iter()}
    return "".join(child.text or "" for child in parts if id(child) not in readings)


def _column(reference: str) -> int:
    """The position of the column of a cell: A1 is 0, AB7 is 27."""
    position = 0
    for letter in reference:
        if not letter.isalpha():
            break
        position = position * 26 + ord(letter.upper()) - ord("A") + 1
    return position - 1


def _name(node: ElementTree.Element) -> str:
    return node.tag.rpartition("}")[2]
