"""Does the report get onto paper where a browser is, and is the reader told what to do where none is?"""

from __future__ import annotations

from pathlib import Path

import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.report import printed
from tests.report.browser import CHROMIUM


def pages(folder: Path) -> Path:
    for name in ("report", "one_page", "appendix"):
        (folder / f"{name}.html").write_text(f"<!DOCTYPE html><title>{name}</title><p>{name}", encoding="utf-8")
    return folder / "report.html"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed; what is said then is tested beside")
def test_every_page_is_printed_beside_themselves(tmp_path: Path) -> None:
    assert printed.write_pdf(pages(tmp_path)) == tmp_path / "report.pdf"
    for name in ("report.pdf", "one_page.pdf", "appendix.pdf"):
        assert (tmp_path / name).read_bytes().startswith(b"%PDF-")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("appendix.html", "appendix.pdf", "one_page.html", "one_page.pdf", "report.html", "report.pdf")
    ]


def test_without_a_browser_the_reader_is_told_to_print_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printed.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"Chromium, which is not installed; open .*report\.html and print it"):
        printed.write_pdf(pages(tmp_path))
    assert not list(tmp_path.glob("*.pdf"))


def test_a_browser_that_fails_is_an_error_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed.shutil, "which", lambda name: "/bin/false")
    with pytest.raises(InputError, match=r"report\.html: Chromium did not print it"):
        printed.write_pdf(pages(tmp_path))
    assert not list(tmp_path.glob("*.pdf"))
