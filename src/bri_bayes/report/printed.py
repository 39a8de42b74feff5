"""How does the report get onto paper? Its three pages, printed by a browser that is installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from bri_bayes.core.errors import InputError
from bri_bayes.core.io import written_beside

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    *("--headless", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--no-first-run", "--no-sandbox", "--no-pdf-header-footer"),
)
_PATIENCE = 180  # seconds


def write_pdf(page: Path) -> Path:
    """Print ``page`` and what a run wrote beside it to PDF files of their names; the path of the first."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        raise InputError(f"a PDF is printed by Chromium, which is not installed; open {page} and print it from there")
    for source in (page, page.with_name("one_page.html"), page.with_name("appendix.html")):
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
            written_beside(source.with_suffix(".pdf")) as temporary,
        ):
            # The page has one script, of our own, and may load nothing: it needs no sandbox, which containers lack.
            to = [f"--user-data-dir={profile}", f"--print-to-pdf={temporary}", source.resolve().as_uri()]
            try:
                done = subprocess.run([browser, *_FLAGS, *to], capture_output=True, check=False, timeout=_PATIENCE)
            except subprocess.TimeoutExpired as late:
                raise InputError(f"{source}: Chromium did not print it within {_PATIENCE} seconds") from late
            if done.returncode or not temporary.is_file() or not temporary.stat().st_size:
                raise InputError(f"{source}: Chromium did not print it; open it and print it from there")
    return page.with_suffix(".pdf")
