"""Which values do the tests draw and print? Those of a small simulated study, run once in a session with few draws."""

from __future__ import annotations

import copy
import dataclasses
import fcntl
import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bri_bayes.app.section_answer import SectionAnswer, section_answer
from bri_bayes.app.study_outline import QUICK
from bri_bayes.app.study_run import study_values
from bri_bayes.inference import categories
from bri_bayes.report import main_answer
from bri_bayes.report.sections import controls, pretrends
from bri_bayes.runtime.cache import Cache
from bri_bayes.study.model_card import load_card
from bri_bayes.study.study_file import Study, load_study

Values = dict[str, Any]
# Cheap enough for two outcomes; the others are run for the first outcome alone.
BOTH = ("replication", "pretrends", "honest", "placebo", "propensity", "moderation", "mechanism", "joint")
FIRST = ("pool", "categories", "compare", "controls", "speccurve", "prior", "robustness")
# Still fewer draws than a quick run has: enough for a picture, not for an answer.
FEWER = (
    (categories, "QUICK_DRAWS", 100),
    (categories, "QUICK_TUNE", 100),
    (main_answer, "QUICK_PANELS", 50),
    (controls, "QUICK_DRAWS", 20),
    (pretrends, "QUICK_PANELS", 80),
)
STUDY = """
title = "Trade of six countries"
models = ["did", "event_study"]

[panel]
kind = "simulation"
generator = "simulated_nine_countries"
periods = [2007, 2016]

[assignment]
treated = ["KAZ", "KGZ", "TJK"]
controls = ["MNG", "BLR", "SRB"]
onset = 2013

[exposed]
SRB = 2015

[groups.units]
"Central Asia" = ["KAZ", "KGZ", "TJK"]
"Eastern Asia" = ["MNG"]
"Eastern Europe" = ["BLR"]
"Southern Europe" = ["SRB"]
elsewhere = ["AZE", "TKM", "UZB"]

[propensity]
covariates = ["lnpgdp"]
balance = ["growth(lnexport)", "lnexport"]
years = [2007, 2012]

[outcomes.lnexport]
column = "export_musd"
transform = "log"
label = "Exports"
units = "million US dollars"
level_to_usd = 1e6
published = { estimate = 0.218, se = 0.0385, source = "Author (2026), Table 3" }

[outcomes.lnimport]
column = "import_musd"
transform = "log"
label = "Imports"
units = "million US dollars"
level_to_usd = 1e6
published = { estimate = 0.0988, se = 0.0503, source = "Author (2026), Table 3" }

[covariates.lnpgdp]
column = "gdp_per_capita_2015usd"
transform = "log"
label = "GDP per capita"

[modifiers.inequality]
column = "gini"
label = "the Gini index"
units = "0 to 100"

[mediators.institution]
column = "government_effectiveness"
label = "Government effectiveness"

[unit_names]
KAZ = "Kazakhstan"
KGZ = "Kyrgyzstan"
TJK = "Tajikistan"
MNG = "Mongolia"
BLR = "Belarus"
SRB = "Serbia"

[categories]
kind = "simulation"
generator = "simulated_categories"
periods = [2008, 2017]
level_to_usd = 1e6
claim = "Electronic communication equipment gained most"
claimed = ["76"]

[categories.outcomes.trade]
label = "Trade"
units = "million US dollars"

[categories.names]
76 = "Electronic communication"
59 = "Chemical products"
792 = "Aerospace"
"""


def made_once(folder: Path, name: str, make: Callable[[], Any]) -> Any:
    """What JSON keeps of what is made, once for all processes that test and share ``folder``."""
    stored = folder / f"{name}.json"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed
        if not stored.is_file():
            stored.write_text(json.dumps(make()), encoding="utf-8")
    return json.loads(stored.read_text(encoding="utf-8"))


def quick_values(folder: Path) -> Values:
    """The values of the run."""
    return dict(made_once(folder, "quick_run", lambda: _run(folder)))


def section_of(folder: Path, name: str) -> SectionAnswer:
    """What the command of a section answers about the first outcome, by the cache of the run in ``folder``."""
    before, _, rest = STUDY.partition("[outcomes.lnimport]")
    path = folder / f"quick_section_{os.getpid()}.toml"
    path.write_text(before + rest[rest.index("[covariates") :], encoding="utf-8")
    return section_answer(name, path, quick=True, cache=Cache(folder / "cache"))


def as_official(run: Values) -> Values:
    """A copy to change, as if the panel were official data that name their source; the simulation keeps no truth."""
    values = copy.deepcopy(run)
    values["panel"] |= {"kind": "official", "label": "Trade of six countries", "sources": ["an office"]}
    for outcome in values["outcomes"].values():
        outcome["truth"] = None
        outcome["warnings"] = [warning for warning in outcome["warnings"] if "simulation" not in warning]
    values["categories"]["panel"] = values["panel"]
    return values


def with_spans(values: Values) -> Values:
    """The same with the categories as a file of few years has them: two spans, each against two sets of controls."""
    trade = values["categories"]["outcomes"]["trade"]
    fit = trade["fits"][trade["main"]]
    spans = ((2013, 2017), (2008, 2012))
    keys = [(controls, first, last) for first, last in spans for controls in ("assignment", "pool")]
    trade["fits"] = {f"{controls} {first}-{last}": fit | {"span": [first, last]} for controls, first, last in keys}
    trade |= {"main": next(iter(trade["fits"])), "differences": True}
    return values


def _run(folder: Path) -> Values:
    path = folder / "quick_run.toml"
    path.write_text(STUDY, encoding="utf-8")
    study = load_study(path)
    cards = {name: dataclasses.replace(load_card(name), sampler=QUICK) for name in study.models}
    cache = Cache(folder / "cache")

    def run(part: Study) -> Values:
        return study_values(part, cards, quick=True, cache=cache)[0]

    with ExitStack() as fewer:
        for module, name, number in FEWER:
            fewer.enter_context(patch.object(module, name, number))
        first, outcome = next(iter(study.outcomes.items()))
        further = run(dataclasses.replace(study, outcomes={first: outcome}, sections=FIRST))
        # The audit of the paper would refit its tables in each section: it is asked of the main answer alone.
        printed = run(dataclasses.replace(study, sections=(), audit=True))
        sections = run(dataclasses.replace(study, sections=BOTH))
    values = sections | {"outcomes": printed["outcomes"], "paper": printed["paper"]}
    return values | {name: further[name] for name in FIRST}
