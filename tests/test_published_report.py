"""Does the report that is shipped say what the README says, with every file that it links to and no row of data?"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "reports" / "real_panel"
PAGES = ("report.html", "one_page.html", "appendix.html")


def _text(page: str) -> str:
    html = (SHIPPED / page).read_text(encoding="utf-8")
    html = re.sub(r"<(svg|script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_shipped_page_leads_to_a_file(page: str) -> None:
    html = (SHIPPED / page).read_text(encoding="utf-8")
    targets = {target for target in re.findall(r'href="([^"#:]+)', html) if target}
    assert targets
    assert sorted(target for target in targets if not (SHIPPED / target).is_file()) == []


def test_what_is_shipped_draws_no_observed_series_and_has_no_values() -> None:
    assert not list(SHIPPED.rglob("*.json"))
    drawn = {path.stem for path in (SHIPPED / "figures").glob("*.svg")}
    assert len(drawn) > 25
    assert drawn.isdisjoint({"paths", "expected_paths", "prior_predictive"})
    appendix = (SHIPPED / "appendix.html").read_text(encoding="utf-8")
    assert 'id="figure-comparison"' in appendix
    assert 'id="figure-paths"' not in appendix


def test_the_readme_says_the_answer_of_the_shipped_report() -> None:
    report, readme = _text("report.html"), " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    answers = re.findall(r"published estimate is (\S+); ours is (\S+) \(95% interval (\S+) to (\S+)\)", report)
    assert len(answers) == 2
    for published, ours, lower, upper in ((number.replace("−", "-") for number in answer) for answer in answers):
        assert f"{ours} (" in readme
        assert f"{lower} to {upper})" in readme
        assert published in readme
    shares = re.findall(r"(\d+%) of panels like this one would show it", report)
    assert f"{shares[0]} and {shares[1]} of such panels" in readme
    faq = " ".join((ROOT / "docs" / "faq.md").read_text(encoding="utf-8").split())
    assert f"{shares[0]} of the time for exports and {shares[1]} for imports" in faq


def test_the_page_of_the_answer_has_the_false_alarms_of_the_shipped_report() -> None:
    alarms = re.findall(r"ordinary standard errors find one that is not there in (\d+%)", _text("report.html"))
    page = " ".join((ROOT / "docs" / "answer.md").read_text(encoding="utf-8").split())
    assert f"find an effect that is not there in {alarms[0]} of panels" in page


def test_the_readme_is_a_screen_and_a_half() -> None:
    """At 1,280 pixels its 33 lines were 1,230 pixels high, of which 430 are the figure; a line wraps at most once."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 36
    assert max(map(len, lines)) <= 230
    assert sum(line.startswith("![") for line in lines) == 1


@pytest.mark.parametrize(("rho", "said"), [(0.5, "0.35"), (0.86, "0.86"), (0.95, "0.97")])
def test_the_weight_of_the_last_year_before_the_onset_is_that_of_generalised_least_squares(rho, said) -> None:
    before, after = 10, 8
    years = np.arange(before + after)
    precision = np.linalg.inv(rho ** np.abs(np.subtract.outer(years, years)))
    regressors = np.column_stack([np.ones(years.size), years >= before])
    weights = -np.linalg.solve(regressors.T @ precision @ regressors, regressors.T @ precision)[1, :before]
    assert weights.sum() == pytest.approx(1)
    assert f"{weights[-1]:.2f}" == said
    page = " ".join((ROOT / "docs" / "model.md").read_text(encoding="utf-8").split())
    assert f"{said} at {rho:g}" in page or f"{said} of the weight at an autocorrelation of {rho:g}" in page


def test_the_main_page_of_a_whole_run_is_read_in_ten_minutes() -> None:
    assert 1000 < len(_text("report.html").split()) < 2500
