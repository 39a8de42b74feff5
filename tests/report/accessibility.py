"""Which rules of WCAG 2.2 AA does a page in a browser break? axe-core, given to the page by the driver, says which."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from tests.report.browser import Browser

_LEVELS = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']"
_RULES = f"{{runOnly: {_LEVELS}, rules: {{'color-contrast': {{enabled: false}}}}}}"
_CONTRAST = "{runOnly: {type: 'rule', values: ['color-contrast']}}"
# Rows of a table and points of a list are written alike: the first stands for the rest. A drawing keeps its name.
_SHORTER = """document.querySelectorAll("main tbody, main ul").forEach(list =>
  list.replaceChildren(list.children[0] ?? ""));
document.querySelectorAll(".drawing svg > g, .drawing svg > defs").forEach(part => part.remove())"""
_UNFOLDED = "document.querySelectorAll('main details').forEach(folded => { folded.open = true; })"
# One element with text of each kind, as it and the two around it are named and classed: all words take minutes.
_TEXTS = """[...new Map([...document.querySelectorAll("body *:not(script, style)")]
  .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .map(element => [[element, element.parentElement, element.parentElement.parentElement]
    .map(part => part?.tagName + "." + part?.className).join(), element])).values()]"""
_TOLD = """.then(({violations, incomplete, passes}) => ({rules: passes.length,
  broken: [...violations, ...incomplete].map(({id, nodes}) => [id, nodes.map(node => node.html.slice(0, 120))])}))"""


def broken_rules(browser: Browser, page: Path) -> list[object]:
    """Each broken rule with its elements, folded parts too, in the light and the dark; no rule is left undecided."""
    browser.open(page)
    for change in (_UNFOLDED, _SHORTER, _axe()):
        browser.ask(f"{change};0")
    told = browser.ask(f"axe.run(document, {_RULES}){_TOLD}")
    assert told["rules"] > 20
    broken = list(told["broken"])
    for dark in (False, True):
        browser.prefer(dark=dark)
        told = browser.ask(f"axe.run({_TEXTS}, {_CONTRAST}){_TOLD}")
        assert told["rules"] == 1 or told["broken"]
        broken += told["broken"]
    return broken


def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
