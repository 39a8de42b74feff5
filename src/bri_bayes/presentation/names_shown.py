"""What is a thing called on a page? Names of cards, columns and tests stay in files; a reader sees their labels."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bri_bayes.checks.posterior_predictive import NAMES as STATISTICS
from bri_bayes.presentation.study_tables import METHODS, REFERENCE, unit_name
from bri_bayes.presentation.table_spec import Table, Values

# A few words a shipped card; a user's own card is called by its name.
CARDS: Mapping[str, str] = {
    "did": "DID, units independent",
    "did_shared": "DID, shared shocks",
    "did_by_unit": "DID, an effect for each unit",
    "did_common": "DID, one effect",
    "did_correlated": "DID, correlated period effects",
    "did_event_time": "DID, an effect for each period",
    "did_free_path": "DID, a free effect in each period",
    "did_group_walk": "DID, a group that drifts",
    "did_iid": "DID, independent errors",
    "did_negative_binomial": "DID of levels, negative binomial",
    "did_noise": "DID, AR(1) errors plus noise",
    "did_poisson": "DID of levels, Poisson",
    "did_random_walk": "DID, random-walk errors",
    "did_scale_by_unit": "DID, error scale by unit",
    "did_student_t": "DID, Student-t errors",
    "did_trend": "DID, a trend for each unit",
    "did_walk_scale_by_unit": "DID, random walk, error scale by unit",
    "event_study": "event study",
    "gamma_log": "gamma regression, log link",
    "propensity": "propensity of treatment",
    "propensity_years": "propensity of treatment, by period",
    "twfe_limit": "two-way fixed effects in the limit",
}
# What results call their parts.
_WORDS: Mapping[str, str] = {
    "ar1": "AR(1)",
    "iid": "independent",
    "ar1_noise": "AR(1) plus noise",
    "random_walk": "random walk",
    "moving_average": "moving average",
    "cluster": "clustered",
    "cluster crv3": "clustered (CRV3)",
    "twfe/published": "TWFE, the published s.e.",
    "elpd_loo": "leave-one-out",
    "loco": "leave-unit-out",
    "lfo": "leave-future-out",
    "log_marginal": "log marginal",
    "waic": "WAIC",
    "sigma": "error scale (sigma)",
    "sigma_unit": "error scale of a unit (sigma)",
    "rho": "autocorrelation (rho)",
    "omega": "differences between units (omega)",
    "eta": "steps between periods (eta)",
    "shock_ratio": "shared shocks, of the error's size",
    "noise_ratio": "noise, of the error's size",
    "time_varying": "year by year",
    "before_onset": "before the onset",
    REFERENCE: "the last period before the onset",
    "measured": "measured with error",
    **{name: said for name, said in STATISTICS.items() if "_" in name},
    "placebo_years": "for the fictitious onsets",
    **{f"{estimator}/{inference}": label for (estimator, inference), label in METHODS.items()},
}
# The variables of the paper's tables, where a finding or a rebuilt table quotes them.
_PAPER: Mapping[str, str] = {
    "lnexport": "exports (log)",
    "lnimport": "imports (log)",
    "lntrade": "trade (log)",
    "lnpgdp": "GDP per capita (log)",
    "lnppl": "population (log)",
    "lnroaddensity": "road density (log)",
    "quality_exp": "quality of exports",
    "quality_imp": "quality of imports",
    "BRI_x_inequality": "BRI × inequality",
    "inequality": "inequality",
    "growth": "growth",
    "openness": "openness",
    "industry": "industry",
    "et_cooperation": "economic and technological cooperation",
    "cultural_exchange": "cultural exchange",
    "export_growth": "export growth",
    "export_size_log": "export size (log)",
    "export_volatility": "export volatility",
    "treated_mean": "mean of the treated",
    "control_mean": "mean of the controls",
    "bias_pct": "bias, %",
    "reduction_pct": "reduction, %",
    "trade_10000_usd": "trade, 10,000 dollars a year",
    "share_pct": "share, %",
    "growth_2003_2012_pct": "growth 2003-2012, %",
    "growth_2013_2023_pct": "growth 2013-2023, %",
}
# Names of its tables that are words of anybody's panel, too: of cells of its own tables alone.
_PAPER_ALONE: Mapping[str, str] = {
    "flow": "firms that take part",
    "policy": "policy coordination",
    "BRI through policy": "BRI through policy coordination",
}
# Kinds of the panels of its tables.
_OF_THE_PAPER = ("published", "reconstruction")
# No word of a sentence: it has a mark inside, or begins as logarithms are named.
_PLAINLY_A_NAME = re.compile(r"\w[_/]\w|^ln[a-z]")


# Labels that begin with a person keep their capital.
_PERSONS = ("Gini", "Theil")


def in_sentence(label: str) -> str:
    """A label within a sentence: "Exports of China" without its capital, "GDP" and "Gini index" with it."""
    return label if label[1:2].isupper() or label.startswith(_PERSONS) else f"{label[:1].lower()}{label[1:]}"


def known_from(verdict: str) -> str:
    """Where what is known of a slope comes from, after a subject: "comes mostly from the prior"."""
    source = verdict.removeprefix("mostly ")
    return f"comes {'' if source == verdict else 'mostly '}from {source}"


def card_label(name: str, values: Values | None = None) -> str:
    """What a card is called: the label of a shipped one, else its name; a study says which cards only share a name."""
    labels = {} if values is None else values.get("study", {}).get("labels") or {}
    return str(labels.get(name) or CARDS.get(name, name))


def in_words(values: Values, text: str) -> str:
    """``text`` with a label in place of each name that no sentence has as a word."""
    pattern, labels = _pattern(tuple(_labels(values, paper=bool(values.get("paper"))).items()))
    return pattern.sub(lambda place: labels[place[0]], text)


def gate_in_words(values: Values, sentence: str) -> str:
    """A sentence of failed computations with the labels of the section, outcome, card and part at its head."""
    head, colon, rest = sentence.partition(": ")
    if not colon or " " in head:
        return in_words(values, sentence)
    exact = _labels(values, paper=False)
    return f"{', '.join(exact.get(part, part) for part in head.split('/'))}: {in_words(values, rest)}"


def table_in_words(values: Values, table: Table) -> Table:
    """The table with labels for names in its caption, notes, headings and cells; a cell that is a name becomes one."""
    exact = _labels(values, paper=table.panel.get("kind") in _OF_THE_PAPER)

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return exact.get(value) or _units(values, value) or _of_a_unit(values, exact, value) or in_words(values, value)

    texts = {column.key for column in table.shown if not column.is_numeric and column.kind not in ("pass", "verdict")}
    rows = tuple({key: cell(value) if key in texts else value for key, value in row.items()} for row in table.rows)
    columns = tuple(dataclasses.replace(column, heading=in_words(values, column.heading)) for column in table.columns)
    caption, notes = in_words(values, table.caption), tuple(in_words(values, note) for note in table.notes)
    return dataclasses.replace(table, caption=caption, notes=notes, columns=columns, rows=rows)


def _labels(values: Values, *, paper: bool) -> dict[str, str]:
    """Of names in a cell or a sentence; ``paper`` : the paper's variables are meant where the study's have one name."""
    outcomes = {name: str(outcome["label"]) for name, outcome in values["outcomes"].items()}
    variables = {str(name): str(label) for name, label in (values.get("study", {}).get("labels") or {}).items()}
    study = {**variables, **outcomes}
    return {**_WORDS, **CARDS, **({**study, **_PAPER, **_PAPER_ALONE} if paper else {**_PAPER, **study})}


def _units(values: Values, cell: str) -> str | None:
    """The names behind a code, or behind several that are joined by a plus sign."""
    without = "without " if cell.startswith("without ") else ""
    codes, known = cell.removeprefix(without).split("+"), values.get("unit_names", {})
    named = ", ".join(unit_name(values, code) for code in codes)
    return f"{without}{named}" if all(code in known for code in codes) else None


def _of_a_unit(values: Values, labels: Mapping[str, str], cell: str) -> str | None:
    """A parameter that each unit has, with the name of the unit: "sigma_unit[KAZ]"."""
    name, bracket, unit = cell.removesuffix("]").partition("[")
    if not bracket or name not in labels:
        return None
    shown = unit_name(values, unit)
    return labels[name].replace("a unit", shown) if "a unit" in labels[name] else f"{labels[name]}, {shown}"


@functools.cache
def _pattern(labels: tuple[tuple[str, str], ...]) -> tuple[re.Pattern[str], Mapping[str, str]]:
    known = {name: label for name, label in labels if _PLAINLY_A_NAME.search(name)}
    return re.compile(rf"(?<![\w/])({_either(known)})(?![\w/])"), known


def _either(names: Iterable[str]) -> str:
    """The longest first, as one may begin another."""
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
