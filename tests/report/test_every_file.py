"""Is every file of a run fit for its readers: said what it is made from, tables that compile, pages that are read?"""

from __future__ import annotations

import copy
import csv
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from collections import Counter
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from bri_bayes.app.report_forms import parts_of
from bri_bayes.core.io import write_json
from bri_bayes.core.resources import shipped
from bri_bayes.presentation.main_tables import TABLES
from bri_bayes.report import word_file
from bri_bayes.report.figures import draw_all, drawn_as_png
from bri_bayes.report.render import render_report, shown_on_the_main_page
from bri_bayes.report.sections import load_sections, section_names
from bri_bayes.report.table_files import write_tables
from bri_bayes.report.word_file import write_word
from tests.report.accessibility import broken_rules
from tests.report.browser import CHROMIUM, Browser, chromium

Values = dict[str, Any]
WORDS = {"simulation": "simulat", "reconstruction": "reconstruct"}
# What is made from other numbers than the panel of the study says so in its place.
FILES = {".csv", ".tex", ".svg", ".png"}
OTHER = {"published": "printed", "reconstruction": "reconstruct"}


def _linked(page: Path) -> set[str]:
    """The files beside a page to which it links."""
    targets = re.findall(r'href="([^"#]+)"', page.read_text(encoding="utf-8"))
    return {target for target in targets if Path(target).suffix in FILES}


@pytest.fixture(scope="module", params=list(WORDS))
def run(
    request: pytest.FixtureRequest, quick_run: Values, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path, Values]:
    """Every file of the quick run, its panel as simulated as it is, or as reconstructed."""
    kind, folder = request.param, tmp_path_factory.mktemp("files")
    values = copy.deepcopy(quick_run)
    values["panel"] |= {"kind": kind, "label": "A panel", "sources": ["a generator"]}
    values["categories"]["panel"] |= {"kind": kind, "label": "A panel", "sources": ["a generator"]}
    sections = load_sections(name for name in section_names() if values.get(name))
    figures = draw_all(values, folder / "figures") if kind == "simulation" else {}
    write_json(folder / "values.json", values)
    written = write_tables(values, folder / "tables", [spec for section in sections for spec in section.tables])
    parts = {section.name: (section.title, section.parts(values)) for section in sections}
    render_report(values, figures, folder / "report.html", parts, tables=written)
    return kind, folder, values


def test_every_file_says_what_it_is_made_from(run: tuple[str, Path, Values]) -> None:
    kind, folder, _ = run
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".tex", ".svg", ".html", ".json"})
    assert len(files) > 50
    known = {WORDS[kind], *OTHER.values()}
    silent = [path.name for path in files if not any(word in path.read_text("utf-8").lower() for word in known)]
    assert silent == []
    for path in (folder / "tables").glob("*.csv"):
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        assert {row["panel"] for row in rows} <= {kind, *OTHER}, path.name


def test_a_table_without_a_row_is_no_file(quick_run: Values, tmp_path: Path) -> None:
    values = copy.deepcopy(quick_run)
    for outcome in values["outcomes"].values():
        for model in outcome["models"].values():
            model.pop("additional_trade_usd", None)
    written = write_tables(values, tmp_path)
    assert "additional_trade" not in written
    assert sorted(path.stem for path in tmp_path.glob("*.csv")) == sorted(written)
    assert all(len(path.read_text(encoding="utf-8").splitlines()) > 1 for path in tmp_path.glob("*.csv"))


def test_the_main_tables_name_the_kind_of_the_panel_and_no_other(run: tuple[str, Path, Values]) -> None:
    kind, folder, _ = run
    for spec in TABLES:
        text = (folder / "tables" / f"{spec.name}.tex").read_text(encoding="utf-8").lower()
        assert f"{WORDS[kind]}ed panel - not observations" in text
        assert spec.frame(json.loads((folder / "values.json").read_text("utf-8")))["panel"].eq(kind).all()


def test_every_latex_table_has_its_cells_and_no_character_that_pdflatex_lacks(run: tuple[str, Path, Values]) -> None:
    _, folder, _ = run
    for path in (folder / "tables").glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        assert text.isascii(), path.name
        for piece in text.split(r"\begin{tabular}")[1:]:
            form, _, body = piece.partition("\n")
            rows = [line for line in body.splitlines() if line.endswith(r"\tabularnewline")]
            cells = {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows if r"\multicolumn" not in row}
            assert cells <= {form.count("@{") - 1}, path.name


def test_every_latex_table_compiles_and_fits_a_plain_article(run: tuple[str, Path, Values], tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed; the cells and characters of each table are checked without it")
    _, folder, _ = run
    names = sorted(path.stem for path in (folder / "tables").glob("*.tex"))
    inputs = "".join(f"\\typeout{{NOW {name}}}\\input{{{folder}/tables/{name}}}\\clearpage\n" for name in names)
    document = f"\\documentclass{{article}}\\begin{{document}}{inputs}\\end{{document}}"
    (tmp_path / "all.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert log.count("NOW ") == len(names)
    assert [points for points in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log) if float(points) > 1] == []
    assert "Float too large" not in log


# The pages of the run whose figures are drawn.
drawn = pytest.mark.parametrize("run", ["simulation"], indirect=True)
PAGES, WIDTHS = ("report.html", "one_page.html", "appendix.html"), (390, 768, 1280)
# What only a file calls a thing: words joined by a line, logarithms, an estimator with its inference.
NAMES = r"\w*[^\W_]{2}_[^\W_]{2}\w*|\bln[a-z]{3,}|\b[a-z]+/(?:iid|cluster|t|posterior)\b"
# Elements that reach beyond the window, but for the parts of a drawing, which moves in a frame of its own.
BEYOND = """[...document.querySelectorAll("body *")].filter(element => {
  if (element.closest(".canvas")) return false;
  const box = element.getBoundingClientRect();
  return box.width > 1 && box.right > document.documentElement.clientWidth + 1;
}).map(element => element.outerHTML.slice(0, 120))"""
# A drawing keeps its size without what is in it, and a page is laid out in a third of the time.
EMPTIED = "document.querySelectorAll('.drawing svg').forEach(drawing => drawing.replaceChildren())"
UNNAMED = """[...document.querySelectorAll("a, button, summary, input, svg, [role=region], table")].filter(element =>
  !(element.getAttribute("aria-label") || element.textContent).trim()).map(element => element.outerHTML.slice(0, 99))"""


def _said(page: Path, *, drawings: bool = False) -> str:
    """The text of a page, folded parts too; ``drawings`` : with that in its figures."""
    dropped = r"<style>.*?</style>|<script.*?</script>" + ("" if drawings else "|<svg.*?</svg>")
    html = re.sub(dropped, " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@drawn
def test_the_main_page_is_read_in_ten_minutes(run: tuple[str, Path, Values]) -> None:
    _, folder, _ = run
    assert len(_said(folder / "report.html").split()) < 2500


@drawn
def test_no_page_shows_a_name_that_belongs_into_files(run: tuple[str, Path, Values]) -> None:
    _, folder, _ = run
    for name in PAGES:
        text = _said(folder / name, drawings=True).replace("bri_bayes", "")
        assert re.findall(NAMES, text) == []


@drawn
def test_a_table_is_known_by_its_caption_and_a_column_by_its_heading(run: tuple[str, Path, Values]) -> None:
    _, folder, _ = run
    html = (folder / "appendix.html").read_text(encoding="utf-8")
    captions = re.findall(r"<caption>(.*?)</caption>", html, re.DOTALL)
    assert len(captions) > 40
    assert [caption for caption, times in Counter(captions).items() if times > 1] == []
    for head in re.findall(r"<thead.*?</thead>", html, re.DOTALL):
        headings = re.findall(r"<th [^>]*>(.*?)</th>", head, re.DOTALL)
        assert [heading for heading, times in Counter(headings).items() if times > 1] == []


@drawn
def test_the_appendix_links_to_every_figure_and_table_file_and_to_no_other(run: tuple[str, Path, Values]) -> None:
    _, folder, _ = run
    files = {f"{path.parent.name}/{path.name}" for path in folder.glob("*/*") if path.suffix in FILES}
    assert len(files) > 100
    assert _linked(folder / "appendix.html") == files
    assert _linked(folder / "report.html") <= files


@drawn
def test_no_sentence_of_the_main_page_is_said_twice(run: tuple[str, Path, Values]) -> None:
    _, folder, _ = run
    html = (folder / "report.html").read_text(encoding="utf-8")
    said = [re.sub(r"<[^>]+>", "", text) for text in re.findall(r"<(?:p|dd)[^>]*>(.*?)</(?:p|dd)>", html, re.DOTALL)]
    long = [text for text in said if len(text.split()) > 6 and not text.startswith("SIMULATED")]
    assert len(long) > 20
    assert sorted(text for text in set(long) if long.count(text) > 1) == []


@drawn
def test_no_sentence_over_a_figure_of_the_appendix_repeats_the_text_of_its_section(
    run: tuple[str, Path, Values],
) -> None:
    _, folder, _ = run
    html = (folder / "appendix.html").read_text(encoding="utf-8")
    said = [re.sub(r"<[^>]+>", "", text) for text in re.findall(r"<p(?: class=\"strong\")?>(.*?)</p>", html, re.DOTALL)]
    long = [text for text in said if "trend before the onset differs by" in text or len(text.split()) > 25]
    warned = "On the reconstruction"
    assert any("trend before the onset differs by" in text for text in long)
    assert sorted(text for text in set(long) if long.count(text) > 1 and not text.startswith(warned)) == []


@drawn
def test_the_main_page_speaks_chinese_and_the_appendix_english(run: tuple[str, Path, Values], tmp_path: Path) -> None:
    _, folder, values = run
    figures = {path.stem: path for path in (folder / "figures").glob("*.svg")}
    page = render_report(values, figures, tmp_path / "report.zh.html", parts_of(values), language="zh")
    html = page.read_text(encoding="utf-8")
    assert '<html lang="zh">' in html
    assert (tmp_path / "appendix.html").read_text(encoding="utf-8").count('<html lang="en">') == 1
    said = [
        re.sub(r"<[^>]+>", "", text) for text in re.findall(r"<(?:p|dd|dt|h2|li|th)\b[^>]*>(.*?)</", html, re.DOTALL)
    ]
    english = [text for text in said if re.search("[a-z]{3}", text) and not re.search("[\u4e00-\u9fff]", text)]
    sheet = (tmp_path / "one_page.zh.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in sheet
    assert 'href="report.zh.html"' in sheet
    assert "把握多大" in sheet
    assert len(said) > 80
    assert len(english) < 0.05 * len(said), english


@drawn
def test_the_main_page_for_word_has_its_text_tables_and_figures(
    run: tuple[str, Path, Values], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, folder, values = run
    # That a figure has the same bytes again is a claim about each of them; here they are drawn once.
    pictures: dict[str, bytes] = {}

    def drawn_once(values: Values, name: str) -> bytes:
        if name not in pictures:
            pictures[name] = drawn_as_png(values, name)
        return pictures[name]

    monkeypatch.setattr(word_file, "drawn_as_png", drawn_once)
    figures = {path.stem: path for path in (folder / "figures").glob("*.svg")}
    content = shown_on_the_main_page(values, figures, parts_of(values))
    written = write_word(values, content, tmp_path / "report.docx")
    again = write_word(values, content, tmp_path / "again.docx")
    assert written.read_bytes() == again.read_bytes()
    with zipfile.ZipFile(written) as archive:
        trees = {
            name: ET.fromstring(archive.read(name)) for name in archive.namelist() if name.endswith((".xml", ".rels"))
        }
        named = {f"word/{place.get('Target')}" for place in trees["word/_rels/document.xml.rels"]}
        assert named <= set(archive.namelist())
        text = " ".join(trees["word/document.xml"].itertext())
        kinds = [element.tag.rpartition("}")[2] for element in trees["word/document.xml"].iter()]
    assert kinds.count("tbl") >= 3
    assert kinds.count("blip") == len(named) - 1 > 10
    assert "SIMULATED PANEL" in text
    assert content["question"] in text
    assert re.findall(NAMES, text) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_of_text_have_the_contrast_of_wcag_aa(scheme: str) -> None:
    css = (shipped("reports/templates") / "report.css").read_text(encoding="utf-8")
    roots = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", roots[0]))
    colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", roots[1])) if scheme == "dark" else {}
    for paper in ("page", "card"):
        for ink in ("ink", "muted", "accent", "alarm-text", "good", "unsure"):
            assert _contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
        assert _contrast(colours["edge"], colours[paper]) >= 3  # the frame of a control
    assert _contrast(colours["alarm-ink"], colours["alarm"]) >= 4.5


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed; words, names, files and contrast are checked without it")
    with chromium(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@drawn
def test_nothing_is_wider_than_the_window_and_nothing_is_without_a_name(
    run: tuple[str, Path, Values], browser: Browser
) -> None:
    _, folder, _ = run
    for name in PAGES:
        browser.open(folder / name, width=WIDTHS[0])
        browser.ask(EMPTIED)
        browser.ask("document.querySelectorAll('details').forEach(folded => { folded.open = true; })")
        for width in WIDTHS:
            browser.resize(width)
            assert browser.ask("document.documentElement.scrollWidth") <= width, (name, width)
            assert browser.ask(BEYOND) == [], (name, width)
        assert browser.ask(UNNAMED) == []
    assert browser.complaints == []


@drawn
@pytest.mark.parametrize("page", PAGES)
def test_a_page_breaks_no_rule_of_wcag_2_2_aa(run: tuple[str, Path, Values], browser: Browser, page: str) -> None:
    _, folder, _ = run
    assert broken_rules(browser, folder / page) == []
    assert browser.complaints == []


@drawn
def test_the_main_page_is_short_sorts_searches_and_says_where_the_reader_is(
    run: tuple[str, Path, Values], browser: Browser
) -> None:
    _, folder, _ = run
    browser.open(folder / "report.html", dark=True)
    assert browser.ask("document.documentElement.scrollHeight") < 12_000
    assert browser.ask("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    browser.ask("document.querySelector('#robustness').scrollIntoView()")
    browser.ask("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert browser.ask("document.querySelector('[aria-current]').textContent") == "Robustness"
    column = "[...document.querySelectorAll('#robustness tbody tr')].map(row => row.cells[1].textContent.trim())"
    before = browser.ask(column)
    browser.ask("document.querySelectorAll('#robustness thead button')[1].click()")
    assert browser.ask(column) == sorted(before)
    assert browser.ask("document.querySelectorAll('#robustness thead th')[1].getAttribute('aria-sort')") == "ascending"
    browser.ask(
        "const box = document.querySelector('#search'); box.value = 'placebo'; box.dispatchEvent(new Event('input'))"
    )
    assert "appendix.html#placebo" in browser.ask(
        "[...document.querySelectorAll('#hits a')].map(link => link.getAttribute('href'))"
    )
    assert browser.complaints == []


@drawn
def test_a_figure_keeps_its_place_before_it_is_drawn_and_says_its_message_on_a_phone(
    run: tuple[str, Path, Values], browser: Browser
) -> None:
    _, folder, _ = run
    browser.open(folder / "appendix.html")
    places = """[...document.querySelectorAll('.canvas')].map(canvas => {
      const {width, height} = canvas.querySelector('svg').viewBox.baseVal, box = canvas.getBoundingClientRect();
      return [getComputedStyle(canvas).contentVisibility, box.height / box.width / (height / width), box.width / width];
    })"""
    skipped, shapes, scales = zip(*browser.ask(places), strict=True)
    assert set(skipped) == {"auto"}
    assert 0.99 < min(shapes) <= max(shapes) < 1.01
    assert max(scales) < 1.01 * min(scales)  # letters of one size in all figures
    browser.resize(WIDTHS[0])
    drawn_text = (folder / "figures" / "comparison.svg").read_text(encoding="utf-8")
    lines = re.search(r'<g id="message">(.*?)</g>', drawn_text, re.DOTALL)
    said = browser.ask("getComputedStyle(document.querySelector('.over'), '::before').content")
    assert lines
    assert said.strip('"') == " ".join(re.sub(r"<.*?>", " ", lines[1]).split())
    # The drawing begins below its reading help, and what the panel is made from is said over it.
    ends = """[...document.querySelectorAll('.canvas')].map(canvas => {
      const last = [...canvas.querySelectorAll('[id$="-reading"] text')].at(-1).getBoundingClientRect();
      return (last.top + last.bottom) / 2 - canvas.getBoundingClientRect().top; })"""
    browser.ask(
        "document.querySelectorAll('.canvas').forEach(canvas => { canvas.style.contentVisibility = 'visible'; })"
    )
    assert -15 < min(browser.ask(ends)) <= max(browser.ask(ends)) < 0
    made = "getComputedStyle(document.querySelector('.over .made'), '::before').content"
    assert browser.ask(made).strip('"') == "SIMULATED PANEL - not observations"


@drawn
def test_a_table_that_goes_over_the_end_of_a_page_repeats_its_head(
    run: tuple[str, Path, Values], browser: Browser, tmp_path: Path
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    _, folder, _ = run
    rows = "".join(f"<tr><th>row {at}</th><td>{at}</td></tr>" for at in range(200))
    table = f"<table><thead><tr><th>Rowhead</th><th>Number</th></tr></thead><tbody>{rows}</tbody></table>"
    html = (folder / "appendix.html").read_text(encoding="utf-8")
    html = re.sub(r'(<main id="main">).*?(</main>)', rf"\1{table}\2", html, flags=re.DOTALL)
    (tmp_path / "long.html").write_text(html, encoding="utf-8")
    browser.open(tmp_path / "long.html")
    # As a heading by which rows are sorted.
    assert browser.ask("document.querySelectorAll('thead button').length") == 2
    (tmp_path / "long.pdf").write_bytes(browser.pdf())
    done = subprocess.run(["pdftotext", "-layout", "long.pdf", "-"], cwd=tmp_path, capture_output=True, check=True)
    pages = [page for page in done.stdout.decode().split("\f") if "row " in page]
    assert len(pages) > 2
    assert ["Rowhead" in page for page in pages] == [True] * len(pages)


@drawn
def test_the_names_of_rows_of_the_main_figure_are_readable_on_a_phone(
    run: tuple[str, Path, Values], browser: Browser
) -> None:
    _, folder, _ = run
    browser.open(folder / "report.html", width=WIDTHS[0])
    size = """(() => { const drawing = document.querySelector('.drawing svg');
      const named = [...drawing.querySelectorAll('text')].find(text => text.textContent === 'Bayes, posterior');
      return parseFloat(getComputedStyle(named).fontSize) * drawing.clientWidth / drawing.viewBox.baseVal.width; })()"""
    assert browser.ask(size) >= 10


@drawn
def test_all_pages_print_in_fewer_than_sixty_sheets(run: tuple[str, Path, Values], browser: Browser) -> None:
    _, folder, _ = run
    sheets = 0
    for name in PAGES:
        browser.open(folder / name)
        browser.ask(EMPTIED)
        sheets += len(re.findall(rb"/Type\s*/Page\b", browser.pdf()))
    assert 5 < sheets < 60


@drawn
def test_the_page_for_whoever_decides_is_one_sheet_with_the_answer(
    run: tuple[str, Path, Values], browser: Browser
) -> None:
    _, folder, _ = run
    said = _said(folder / "one_page.html")
    assert len(said.split()) < 900
    assert all(text in said for text in ("The answer", "How sure", "What would change it"))
    browser.open(folder / "one_page.html")
    assert browser.ask("document.querySelectorAll('.drawing svg').length") == 1
    assert len(re.findall(rb"/Type\s*/Page\b", browser.pdf())) == 1
    assert 'href="one_page.html"' in (folder / "report.html").read_text(encoding="utf-8")


def _contrast(ink: str, paper: str) -> float:
    """The ratio of WCAG 2.2 between two colours."""
    light, dark = sorted((_luminance(ink), _luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
