"""How do the answers become one panel? Trade by flow and group beside the covariates under the paper's names.

One row a partner and year. Levels stand in the units that the services use; beside them the paper's variables:

    lnexport lnimport lntotal   log of US dollars; no value where a flow is zero or was not reported
    lnppl lnpgdp                log of population, of GDP per capita (constant 2015 US dollars)
    growth industry open        shares: growth of GDP, industry and trade over GDP
    inflation infra             shares: change of consumer prices, and people who use the internet (the paper's infra
                                draws on the ITU, too)
    lnrail                      log of km of rail lines; road density, the paper's lnroaddensity, is discontinued
    institution                 mean of government effectiveness and rule of law (WGI)
    transport                   logistics performance index, in the years of its surveys
    inequality inequality_se    Gini index of disposable income and its standard error (SWIID)
    theil_lognormal theil_lognormal_se    the Theil index that such a Gini has where incomes are lognormal, by the
                                delta method; not the paper's Theil index between towns and countryside

The panel holds what was observed. A second one is filled by the paper's two rules, linear interpolation inside a series
and then the moving average over three years at its ends; each filled cell is listed, and no outcome is ever filled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.imputation import Imputation, imputed
from bri_bayes.data.inequality import theil_of_lognormal
from bri_bayes.data.official.comtrade import FLOWS
from bri_bayes.data.official.splice import SplicedTrade
from bri_bayes.data.official.swiid import Gini
from bri_bayes.data.official.world_bank import Value

if TYPE_CHECKING:
    import pandas as pd

PERCENT = 0.01
LOGS = {"lnppl": "population", "lnpgdp": "gdp_per_capita_2015usd", "lnrail": "rail_lines_km"}
SHARES = {
    "growth": "gdp_growth_pct",
    "industry": "industry_pct_gdp",
    "open": "trade_openness_pct_gdp",
    "inflation": "inflation_pct",
    "infra": "internet_users_pct",
}
GOVERNANCE = ("wgi_government_effectiveness", "wgi_rule_of_law")
FILLED = (*LOGS, *SHARES, "institution", "transport", "inequality", "theil_lognormal")
NONE_ELSE: Mapping[str, SplicedTrade] = MappingProxyType({})
RULES: tuple[Imputation, ...] = ("linear", "moving_average")


@dataclass(frozen=True, eq=False)
class OfficialPanel:
    """``panel`` : iso3, year, levels, the paper's variables; ``filled`` : the same with ``imputed_cells`` filled.

    ``imputed_cells`` : iso3, year, variable, rule.
    """

    panel: pd.DataFrame
    filled: pd.DataFrame
    imputed_cells: pd.DataFrame


def official_panel(
    trade: SplicedTrade,
    values: Sequence[Value],
    inequality: Sequence[Gini],
    partners: Sequence[str],
    years: range,
    others: Mapping[str, SplicedTrade] = NONE_ELSE,
) -> OfficialPanel:
    """The panel of ``partners`` and ``years``; a cell that no source has is empty.

    ``others`` : the same trade by another report, in the columns NAME_export_usd and NAME_import_usd.
    """
    import pandas as pd

    index = pd.MultiIndex.from_product([sorted(partners), list(years)], names=["iso3", "year"])
    levels = [_trade_levels(trade.groups), _series(values), _inequality(inequality)]
    for at, (name, other) in enumerate(others.items(), start=1):
        reported = _trade_levels(other.groups)[[f"{flow}_usd" for flow in FLOWS.values()]]
        levels.insert(at, reported.add_prefix(f"{name}_"))
    panel = pd.concat([part.reindex(index) for part in levels], axis=1)
    panel = panel.assign(**_paper_variables(panel))
    filled, cells = _filled(panel)
    return OfficialPanel(panel.reset_index(), filled.reset_index(), cells)


def _trade_levels(groups: pd.DataFrame) -> pd.DataFrame:
    """US dollars by flow, in sum and by group."""
    import pandas as pd

    keys = ["iso3", "year"]
    columns = {}
    for flow in FLOWS.values():
        wide = groups[groups["flow"] == flow].pivot(index=keys, columns="group", values="value_usd")
        columns[f"{flow}_usd"] = wide.sum(axis=1, min_count=1)
        columns |= {f"{flow}_{group}_usd": wide[group] for group in wide}
    frame = pd.DataFrame(columns)
    # A total of which one part is missing is missing.
    frame.insert(0, "total_usd", frame["export_usd"] + frame["import_usd"])
    return frame


def _series(values: Sequence[Value]) -> pd.DataFrame:
    import pandas as pd

    columns = ["column", "iso3", "year", "value"]
    frame = pd.DataFrame([(row.column, row.iso3, row.year, row.value) for row in values], columns=columns)
    order = list(dict.fromkeys(frame["column"]))
    return frame.pivot(index=["iso3", "year"], columns="column", values="value")[order].astype(float)


def _inequality(rows: Sequence[Gini]) -> pd.DataFrame:
    import pandas as pd

    columns = ["iso3", "year", "inequality", "inequality_se"]
    frame = pd.DataFrame([(row.iso3, row.year, row.index, row.se) for row in rows], columns=columns)
    frame = frame.set_index(["iso3", "year"]).astype(float)
    index, error = theil_of_lognormal(frame["inequality"] * PERCENT, frame["inequality_se"] * PERCENT)
    return frame.assign(theil_lognormal=index, theil_lognormal_se=error)


def _paper_variables(panel: pd.DataFrame) -> dict[str, pd.Series]:
    logs = {f"ln{flow}": f"{flow}_usd" for flow in (*FLOWS.values(), "total")} | LOGS
    made = {name: np.log(panel[column].where(panel[column] > 0)) for name, column in logs.items()}
    made |= {name: panel[column] * PERCENT for name, column in SHARES.items()}
    made["institution"] = sum((panel[name] for name in GOVERNANCE), start=0.0) / len(GOVERNANCE)
    made["transport"] = panel["lpi"]
    return made


def _filled(panel: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The paper's two rules one after the other, and the cells that each filled."""
    import pandas as pd

    renamed = panel[list(FILLED)].rename_axis([UNIT, PERIOD])
    data = renamed.to_xarray()
    cells = []
    for rule in RULES:
        data = imputed(data, FILLED, rule)
        cells += [(*flag.split(" "), rule) for flag in data.attrs["imputed"]]
    frame = data.to_dataframe()[list(FILLED)].reindex(renamed.index).rename_axis(["iso3", "year"])
    listed = pd.DataFrame(cells, columns=["iso3", "year", "variable", "rule"]).astype({"year": int})
    listed = listed.sort_values(["variable", "iso3", "year"], ignore_index=True)
    return panel.assign(**{name: frame[name] for name in FILLED}), listed
