"""Does what the documentation shows run, and does its reference have every public name?"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bri_bayes

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
# As the code writes names: in ASCII.
SPELT = str.maketrans({"ü": "ue", "ö": "oe", "ä": "ae", "á": "a"})
# Cited with authors and year, and not in the list of references: no other record of these DOIs has been seen.
UNCONFIRMED = {
    "10.1093/biomet/asx010",
    "10.1111/j.1541-0420.2012.01830.x",
    "10.1177/1536867X0200200403",
    "10.2307/2531732",
}


@pytest.mark.parametrize(("page", "blocks"), [("start.md", 3), ("howto.md", 13), ("model.md", 1)])
def test_every_block_of_a_page_runs_in_the_order_of_the_page(page, blocks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(ROOT / "data")
    shown = re.findall(r"```(python|bash)\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(shown) == blocks
    commands = str(Path(sys.executable).parent)
    names: dict[str, object] = {}
    for language, block in shown:
        if language == "python":
            exec(compile(block, page, "exec"), names)
        else:
            paths = {"PATH": os.pathsep.join([commands, os.environ["PATH"]])}
            done = subprocess.run(["bash", "-ec", block], env=os.environ | paths, capture_output=True, check=False)
            assert done.returncode == 0, done.stderr.decode()


def test_the_reference_has_every_public_name_once():
    listed = re.findall(
        r"^\.\. auto\w+:: bri_bayes\.(\w+)$", (DOCS / "reference.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(bri_bayes.__all__)


def test_every_reference_of_the_list_is_cited_where_it_is_used():
    """By its DOI or, where the code cites by name, by the first author and the year."""
    used = " ".join(
        path.read_text(encoding="utf-8")
        for folder, kind in (("src", "*.py"), ("models", "*.toml"), ("docs", "*.md"))
        for path in (ROOT / folder).rglob(kind)
        if path.name != "references.md"
    )
    used = used.translate(SPELT)
    listed = [line for line in (DOCS / "references.md").read_text(encoding="utf-8").splitlines() if line[:2] == "- "]
    assert len(listed) > 45
    for line in listed:
        author, year = re.match(r"- ([^,(]+?)(?:,| (?=\()).*?\((\d{4})\)", line).groups()
        name = author.translate(SPELT).split()[-1]
        assert re.search(rf"{re.escape(name)}\b[^;]{{0,120}}?\(?{year}", used, re.DOTALL), line


def test_every_doi_of_the_code_and_of_the_models_is_in_the_list_of_references_but_for_those_unconfirmed():
    listed = {_doi(text) for text in re.findall(r"doi:(\S+)", (DOCS / "references.md").read_text(encoding="utf-8"))}
    cited = {
        _doi(text): str(path.relative_to(ROOT))
        for folder, kind in (("src", "*.py"), ("models", "*.toml"))
        for path in (ROOT / folder).rglob(kind)
        for text in re.findall(r"doi:(10\.[^\s\"',;]+)", path.read_text(encoding="utf-8"))
    }
    assert len(cited) > 80
    unconfirmed = {_doi(text) for text in UNCONFIRMED}
    assert {doi: path for doi, path in cited.items() if doi not in listed | unconfirmed} == {}
    assert unconfirmed & listed == set()
    assert unconfirmed <= set(cited)


def _doi(text: str) -> str:
    """Without the marks of the sentence around it; a bracket is its own where it was opened within."""
    text = text.rstrip(".:").lower()
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1].rstrip(".:")
    return text
