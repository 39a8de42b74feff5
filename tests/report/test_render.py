"""Can a reader open, read and trust the report: alone, anywhere, whatever the values hold?"""

from __future__ import annotations

import base64
import copy
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.provenance import NOT_OFFICIAL
from bri_bayes.presentation import sentences
from bri_bayes.presentation.page_parts import Paragraph
from bri_bayes.presentation.study_tables import NORMAL_QUANTILE
from bri_bayes.report.figures import draw_all
from bri_bayes.report.render import render_report
from quick_run import as_official

Values = dict[str, Any]
# What a study has without further sections and without a paper.
MAIN = ("study", "unit_names", "panel", "outcomes")
VOID = {"meta", "br", "hr", "img", "input", "link"}


@pytest.fixture
def values(values: Values) -> Values:
    return {key: values[key] for key in MAIN}


@pytest.fixture(scope="module")
def figures(quick_run: Values, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    official = as_official(quick_run)
    return draw_all({key: official[key] for key in MAIN}, tmp_path_factory.mktemp("figures"))


class Page(HTMLParser):
    """What the tests ask of a page: its tags with attributes, its text, its numbers with their values."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.numbers: list[tuple[float, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "data":
            self.numbers.append((float(str(self.tags[-1][1]["value"])), data))
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def attributes(self, name: str) -> list[str]:
        return [str(attrs[name]) for _, attrs in self.tags if name in attrs]


def _page(values: Values, figures: dict[str, Path], folder: Path) -> Page:
    """The appendix, which has everything."""
    return _pages(values, figures, folder)[1]


def _pages(values: Values, figures: dict[str, Path], folder: Path) -> tuple[Page, Page]:
    """The main page and the appendix."""
    main = render_report(values, figures, folder / "report.html")
    pages = [Page(path.read_text(encoding="utf-8")) for path in (main, main.with_name("appendix.html"))]
    assert [page.open for page in pages] == [[], []]
    return pages[0], pages[1]


def test_every_number_of_a_table_is_its_value_rounded(values: Values, figures: dict[str, Path], tmp_path: Path) -> None:
    page = _page(values, figures, tmp_path)
    assert len(page.numbers) > 300
    for value, text in page.numbers:
        if text in ("<0.001", ">99%", "<1%"):
            continue
        plain = text.replace("−", "-").replace(",", "").replace("$", "").lstrip("+")
        number, _, unit = plain.partition(" ")
        scale = {"": 1.0, "k": 1e3, "m": 1e6, "bn": 1e9, "tn": 1e12}[unit]
        if number.endswith("%"):
            number, scale = number[:-1], 0.01
        decimals = len(number.partition(".")[2])
        precision = 0.005 * abs(value) if unit else 0.5000001 * 10.0**-decimals * scale
        assert float(number) * scale == pytest.approx(value, abs=precision), text


def test_the_numbers_of_the_tables_are_in_the_values(values: Values, figures: dict[str, Path], tmp_path: Path) -> None:
    published = [outcome["published"] for outcome in values["outcomes"].values()]
    known = {paper["estimate"] + sign * NORMAL_QUANTILE * paper["se"] for paper in published for sign in (-1, 1)}
    known |= set(_leaves(values))
    page = _page(values, figures, tmp_path)
    assert {value for value, _ in page.numbers if value not in known} == set()
    att = values["outcomes"]["lnexport"]["models"]["did_shared"]["att"]
    main, _ = _pages(values, figures, tmp_path)
    assert {value for value, _ in main.numbers if value not in known} == set()
    assert (att["mean"], sentences.signed(att["mean"], 2)) in main.numbers
    assert (att["lower"], sentences.number(att["lower"], 2)) in main.numbers


def test_the_pages_load_nothing_and_run_their_one_script_alone(
    values: Values, figures: dict[str, Path], tmp_path: Path
) -> None:
    for page, name in zip(_pages(values, figures, tmp_path), ("report.html", "appendix.html"), strict=True):
        html = (tmp_path / name).read_text(encoding="utf-8")
        assert not {"link", "iframe", "img", "object", "embed", "base"} & {tag for tag, _ in page.tags}
        beside = re.compile(r"#|(report|one_page|appendix)\.html(#|$)|(tables|figures)/\w+\.(csv|tex|svg|png)$")
        assert [link for link in page.attributes("href") if not beside.match(link)] == []
        assert page.attributes("src") == []
        assert "http:" not in html
        assert "https:" not in html
        assert "@import" not in html
        assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))
        assert not [key for _, attrs in page.tags for key in attrs if key.startswith("on")]
        (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
        allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"script-src 'sha256-{allowed}'" in html
        assert "default-src 'none'" in html


def test_a_page_of_a_simulation_has_a_banner_and_its_figures_have_one_each(values: Values, tmp_path: Path) -> None:
    values["panel"]["kind"] = "simulation"
    page = _page(values, draw_all(values, tmp_path / "figures"), tmp_path)
    assert ("p", {"class": "banner", "role": "alert"}) in page.tags
    # The title, the banner, the provenance at both ends, two in each of six figures, and one in each table.
    tables = sum(tag == "table" for tag, _ in page.tags)
    assert tables > 8
    assert page.text.count("SIMULATED PANEL - not observations") == 1 + 1 + 2 + 2 * 6 + tables


def test_a_page_of_rows_that_no_service_gave_has_a_banner_too(values: Values, tmp_path: Path) -> None:
    values["panel"] |= {"kind": "user", "label": f"{NOT_OFFICIAL}, but answers of http://127.0.0.1:1", "sources": []}
    page = _page(values, {}, tmp_path)
    assert ("p", {"class": "banner", "role": "alert"}) in page.tags
    tables = sum(tag == "table" for tag, _ in page.tags)
    assert tables > 8
    assert page.text.count("NOT OFFICIAL DATA - answers of another server than the services") >= 1 + tables


def test_a_page_of_official_data_has_no_banner(values: Values, figures: dict[str, Path], tmp_path: Path) -> None:
    page = _page(values, figures, tmp_path)
    assert "banner" not in page.attributes("class")
    assert "not observations" not in page.text


def test_hostile_values_stay_text(values: Values, tmp_path: Path) -> None:
    evil = '<script>alert("1")</script><img src=x onerror=alert(1)>'
    values["study"]["title"] = evil
    values["unit_names"]["KAZ"] = evil
    values["panel"] |= {"label": evil, "sources": [evil]}
    outcome = values["outcomes"]["lnexport"]
    outcome |= {"label": evil, "warnings": [evil]}
    outcome["published"]["source"] = evil
    outcome["models"]["did_shared"]["title"] = evil
    outcome["models"]["did_shared"]["parameters"][evil] = outcome["models"]["did_shared"]["parameters"]["rho"]
    main, page = _pages(values, draw_all(values, tmp_path / "figures"), tmp_path)
    for shown, scripts in ((main, 2), (page, 1)):
        tags = [tag for tag, _ in shown.tags]
        assert "img" not in tags
        assert tags.count("script") == scripts
        assert not [name for _, attrs in shown.tags for name in attrs if name.startswith("on")]
    assert main.text.count(evil) > 4
    assert page.text.count(evil) > 8


def test_a_figure_that_could_run_something_is_refused(values: Values, tmp_path: Path) -> None:
    path = tmp_path / "forest.svg"
    for content, expected_words in (
        ("<script>alert(1)</script>", "cannot hold <script>"),
        ('<g onclick="alert(1)"/>', "event handler"),
        ('<use href="http://example.org/x.svg#a"/>', "only parts of itself"),
    ):
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{content}</svg>', encoding="utf-8")
        with pytest.raises(InputError, match=expected_words):
            render_report(values, {"forest": path}, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_an_unknown_figure_is_named(values: Values, figures: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match='no place for the figure "forrest"; did you mean "forest"'):
        render_report(values, {"forrest": figures["forest"]}, tmp_path / "report.html")


def test_ids_are_unique_and_every_reference_has_its_target(
    values: Values, figures: dict[str, Path], tmp_path: Path
) -> None:
    pages = dict(zip(("report.html", "appendix.html"), _pages(values, figures, tmp_path), strict=True))
    known = {f"{name}#{anchor}" for name, page in pages.items() for anchor in page.attributes("id")}
    known |= {*pages, "one_page.html"}
    for name, page in pages.items():
        ids = page.attributes("id")
        assert len(ids) == len(set(ids))
        links = [link for link in page.attributes("href") if not link.startswith(("tables/", "figures/"))]
        assert {f"{name}{link}" if link.startswith("#") else link for link in links} <= known
        parts = [re.findall(r"url\(#(.*?)\)", value or "") for _, attrs in page.tags for value in attrs.values()]
        assert {target for targets in parts for target in targets} <= set(ids)


def test_the_page_can_be_read_aloud_and_on_a_phone(values: Values, figures: dict[str, Path], tmp_path: Path) -> None:
    page = _page(values, figures, tmp_path)
    drawings = [attrs for tag, attrs in page.tags if tag == "svg"]
    assert len(drawings) == 6
    assert all(attrs["role"] == "img" and "Exports: " in str(attrs["aria-label"]) for attrs in drawings)
    headings = [attrs for tag, attrs in page.tags if tag == "th"]
    assert headings
    assert {attrs.get("scope") for attrs in headings} == {"col", "row"}
    assert ("html", {"lang": "en"}) in page.tags
    assert "width=device-width, initial-scale=1" in page.attributes("content")


def test_the_sentences_over_the_figures_count_what_the_values_say(
    values: Values, figures: dict[str, Path], tmp_path: Path
) -> None:
    exports, imports = values["outcomes"].values()
    rows = {row["inference"]: row for row in exports["frequentist"]}
    rows["iid"] |= {"se": 0.1, "lower": 0.02, "upper": 0.42}
    rows["cluster"] |= {"se": 0.25}
    for outcome, lower in ((exports, -0.1), (imports, 0.1)):
        for effect in outcome["models"]["did_shared"]["by_unit"].values():
            effect |= {"mean": 0.3, "lower": lower, "upper": 0.5}
    for path in exports["models"]["did_shared"]["counterfactual"].values():
        for cell in path.values():
            cell["observed"] = cell["mean"]
    text = _page(values, figures, tmp_path).text
    known = 2 + sum(row.get("lower") is not None for row in exports["frequentist"])  # and the published, the posterior
    said = f"Exports: zero lies outside the 95% interval of 2 of {known} methods (Published and TWFE, ordinary s.e.)"
    assert said in text
    assert "the standard error of two-way fixed effects is 2.5 times the ordinary one" in text
    assert "0 of 3 intervals of single countries exclude zero" in text
    assert "3 of 3 intervals of single countries exclude zero: " in text
    assert "in all 12 treated country-years" in text


def test_contents_list_the_sections_that_are_there(values: Values, figures: dict[str, Path], tmp_path: Path) -> None:
    page = _page(values, figures, tmp_path)
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections == ["answer", "data", "event-study", "paths", "power", "models", "reading", "files"]
    for outcome in values["outcomes"].values():
        for model in outcome["models"].values():
            model.pop("counterfactual")
            model.pop("additional_trade_usd")
        outcome.pop("power")
    some = {name: path for name, path in figures.items() if name in ("comparison", "forest")}
    page = _page(values, some, tmp_path)
    sections = [attrs["id"] for tag, attrs in page.tags if tag == "section"]
    assert sections == ["answer", "data", "event-study", "models", "reading", "files"]
    assert [link for link in page.attributes("href") if link in {f"#{name}" for name in sections}]
    assert "#paths" not in page.attributes("href")


def test_a_study_with_the_least_values_has_a_page(values: Values, tmp_path: Path) -> None:
    for outcome in values["outcomes"].values():
        for key in ("published", "frequentist", "event_study", "warnings", "truth", "onset"):
            outcome.pop(key)
        for model in outcome["models"].values():
            for key in list(model):
                if key not in ("att", "title", "card"):
                    model.pop(key)
    values["outcomes"]["lnimport"] |= {"models": {}, "main": None}
    values.pop("unit_names")
    page = _page(values, draw_all(values, tmp_path / "figures"), tmp_path)
    assert "Imports: No model was fitted." in page.text


def test_dropped_rows_warnings_and_failed_fits_are_said(
    values: Values, figures: dict[str, Path], tmp_path: Path
) -> None:
    values["panel"] |= {"units_without_rows": ["MNG"], "rows_dropped": 1}
    for outcome in values["outcomes"].values():
        outcome["warnings"].append("1 of 60 cells were dropped.")
    values["outcomes"]["lnimport"]["warnings"].append("Only imports.")
    values["outcomes"]["lnimport"]["models"]["did_shared"]["trustworthy"] = False
    text = _page(values, figures, tmp_path).text
    assert "Rows dropped 1, for a missing value; none was filled" in text
    assert "Without any row Mongolia" in text
    assert "Imports: Only imports." in text
    assert text.count("1 of 60 cells were dropped") == 1
    assert "One computation of this run is not to be trusted, and the command ended with exit status 1." in text
    assert "Imports, DID, shared shocks: " in text
    assert "5 of 6 fits pass the gate" in text


def test_one_list_of_failed_gates_is_said_at_the_top_and_in_its_section(
    values: Values, figures: dict[str, Path], tmp_path: Path
) -> None:
    sentences = ["controls/lnexport: the chains have not met", "prior/lnimport: k-hat is 0.9"]
    said = ["controls, Exports: the chains have not met", "prior, Imports: k-hat is 0.9"]
    values |= {"failed_gates": sentences, "quick": True}
    values["controls"], values["prior"] = ({"failed_gates": [sentence]} for sentence in sentences)
    parts = {name: (name, [Paragraph(f"About {name}.")]) for name in ("controls", "prior")}
    render_report(values, figures, tmp_path / "report.html", parts)
    main, text = (Page((tmp_path / f"{name}.html").read_text("utf-8")).text for name in ("report", "appendix"))
    for page in (main, text):
        assert "2 computations of this run are not to be trusted" in page
        assert "A quick run:" in page
    for sentence in said:
        assert text.count(sentence) == 2
        assert text.index(sentence) < text.index("Published, least squares and Bayes side by side")
        assert main.count(sentence) == 1
        assert main.index(sentence) < main.index("log points")
    assert text.index("Not to be trusted: prior, Imports") < text.index("About prior.")
    assert main.count("Partly not trusted: see above.") == 2


def test_a_whole_run_without_failed_gates_has_no_alarm(
    values: Values, figures: dict[str, Path], tmp_path: Path
) -> None:
    text = _page(values, figures, tmp_path).text
    assert "not to be trusted" not in text
    assert "quick run" not in text


def test_same_values_same_bytes(values: Values, figures: dict[str, Path], tmp_path: Path) -> None:
    first = render_report(values, figures, tmp_path / "a.html").read_bytes()
    second = render_report(copy.deepcopy(values), dict(figures), tmp_path / "b.html").read_bytes()
    assert first == second


def _leaves(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    if isinstance(value, list):
        return [leaf for item in value for leaf in _leaves(item)]
    return [float(value)] if isinstance(value, int | float) else []
