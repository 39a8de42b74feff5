"""How large is a report, and how long does a browser take to open it? Pages of a folder, opened as files by Chromium.

    python benchmarks/page_load.py FOLDER [FOLDER ...]

Prints words, tables, figures and the height in pixels at three widths of each page, then milliseconds from the start of
the navigation to the first contentful paint and to `load`: the median of five after one that warms up, on this
processor and on one slowed four times by the DevTools protocol.
"""

from __future__ import annotations

import argparse
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, sync_playwright

PAGES = ("report.html", "one_page.html", "appendix.html")
WIDTHS, HEIGHT = (390, 768, 1280), 800
REPEATS, SLOWED = 5, (1, 4)
# A paint may come after `load`; a page that has not painted by then is an error.
PATIENCE = 60.0
_TIMES = """() => {
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  const {loadEventStart} = performance.getEntriesByType("navigation")[0];
  return [paint ? paint.startTime : 0, loadEventStart];
}"""
_COUNTS = """() => [
  document.body.innerText.split(/\\s+/).filter(Boolean).length,
  document.querySelectorAll("table").length, document.querySelectorAll(".drawing").length]"""


@dataclass(frozen=True)
class Size:
    """What a reader is given; words are those of an unfolded page, pixels those of a page as it opens."""

    words: int
    tables: int
    figures: int
    pixels: tuple[int, ...]


@dataclass(frozen=True)
class Opening:
    """Milliseconds since the start of the navigation."""

    paint: float
    load: float


def main() -> None:
    """Print one row a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="of reports")
    folders = parser.parse_args().folders
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    pixels = " | ".join(f"px at {width}" for width in WIDTHS)
    speeds = " | ".join(f"{what}, {slowed}x slower" for slowed in SLOWED for what in ("paint ms", "load ms"))
    print(f"| page | kB | words | tables | figures | {pixels} | {speeds.replace(', 1x slower', '')} |")
    print("|---" * (5 + len(WIDTHS) + 2 * len(SLOWED)) + "|")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for page in (folder / name for folder in folders for name in PAGES):
            size, openings = measured_size(browser, page), [measured_opening(browser, page, rate) for rate in SLOWED]
            cells = [f"{page.parent.name}/{page.name}", f"{page.stat().st_size / 1000:,.0f}"]
            cells += [f"{number:,}" for number in (size.words, size.tables, size.figures, *size.pixels)]
            cells += [f"{passed:,.0f}" for opening in openings for passed in (opening.paint, opening.load)]
            print("| " + " | ".join(cells) + " |", flush=True)
        browser.close()


def measured_size(browser: Browser, page: Path) -> Size:
    """Words, tables, figures, and heights at ``WIDTHS``."""
    tab, pixels = browser.new_page(), []
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": HEIGHT})
        tab.goto(page.resolve().as_uri())
        pixels.append(int(tab.evaluate("() => document.documentElement.scrollHeight")))
    tab.evaluate("() => document.querySelectorAll('details').forEach(folded => { folded.open = true; })")
    words, tables, figures = tab.evaluate(_COUNTS)
    tab.close()
    return Size(words, tables, figures, tuple(pixels))


def measured_opening(browser: Browser, page: Path, slowed: int) -> Opening:
    """The medians of ``REPEATS`` openings, each in a new tab of one window; the first of all is not counted."""
    context = browser.new_context(viewport={"width": WIDTHS[-1], "height": HEIGHT})
    times: list[tuple[float, float]] = []
    for _ in range(1 + REPEATS):
        tab = context.new_page()
        context.new_cdp_session(tab).send("Emulation.setCPUThrottlingRate", {"rate": slowed})
        tab.goto(page.resolve().as_uri(), wait_until="load", timeout=1000 * PATIENCE)
        end = time.monotonic() + PATIENCE
        while not all(measured := tab.evaluate(_TIMES)):
            if time.monotonic() > end:
                raise SystemExit(f"{page}: not painted within {PATIENCE:.0f} seconds")
            tab.wait_for_timeout(20)
        times.append((measured[0], measured[1]))
        tab.close()
    context.close()
    return Opening(*(median(column) for column in zip(*times[1:], strict=True)))


if __name__ == "__main__":
    main()
