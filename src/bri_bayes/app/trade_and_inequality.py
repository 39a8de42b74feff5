"""Which measure of the reader's file is asked, and what is printed? Inequality and product quality, one table each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.io import write_text
from bri_bayes.core.json_values import json_safe
from bri_bayes.data.inequality_series import GroupColumns, read_series
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.data.trade import CHINA, FLOWS, TradeColumns, read_trade
from bri_bayes.frequentist.product_quality import SIGMA, Market, Weights, country_means, estimate_quality, read_sigmas

if TYPE_CHECKING:
    import pandas as pd

# Columns of a panel, as the paper calls them.
QUALITY_COLUMNS = {"export": "quality_exp", "import": "quality_imp"}


@dataclass(frozen=True)
class Measured:
    """A table with one row a unit and period, what its columns are measured in, and what a reader must know."""

    frame: pd.DataFrame
    units: Mapping[str, str]
    notes: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON values."""
        values = {"units": dict(self.units), "notes": list(self.notes), "rows": self.frame.to_dict("records")}
        return dict(json_safe(values))

    def write(self, path: Path) -> None:
        """The table as CSV, to be joined to a panel."""
        write_text(path, self.frame.to_csv(index=False, lineterminator="\n"))


def measure_inequality(
    path: Path, *, layout: str, columns: GroupColumns, text_format: TextFormat = AS_USUAL
) -> Measured:
    """Theil and Gini between groups of each unit and period, or the Gini series of the file."""
    series = read_series(path, layout=layout, columns=columns, text_format=text_format)
    return Measured(series.frame, series.units_of, series.notes)


def measure_quality(
    path: Path,
    *,
    sigma: float | None = SIGMA,
    sigmas: Path | None = None,
    flow: str = "both",
    market: Market = "country_year",
    weights: Weights = "value",
    standardise: bool = False,
    reporter: int = CHINA,
    years: tuple[int, int] | None = None,
    products: Sequence[str] = (),
    countries: Path | None = None,
    columns: TradeColumns | None = None,
    text_format: TextFormat = AS_USUAL,
) -> Measured:
    """Mean quality of each unit and period by flow: quality_exp and quality_imp, their products and value.

    ``text_format`` : of each text file that is given, but for BACI's.
    """
    if flow not in (*FLOWS, "both"):
        raise InputError(f'the flow "{flow}" is unknown; {suggest(flow, (*FLOWS, "both"))}')
    trade = read_trade(
        path,
        reporter=reporter,
        years=years,
        products=products,
        countries=countries,
        columns=columns,
        text_format=text_format,
    )
    by_product = None if sigmas is None else read_sigmas(sigmas, text_format)
    wanted = [direction for direction in FLOWS if flow in (direction, "both") and (trade["flow"] == direction).any()]
    if not wanted:
        raise InputError(f"{path}: there is no {flow} of the reporter {reporter}")
    return quality_of_flows(
        trade, wanted, sigma=sigma, sigmas=by_product, market=market, weights=weights, standardise=standardise
    )


def quality_of_flows(
    trade: pd.DataFrame,
    wanted: Sequence[str],
    *,
    sigma: float | None = SIGMA,
    sigmas: Mapping[str, float] | None = None,
    market: Market = "country_year",
    weights: Weights = "value",
    standardise: bool = False,
) -> Measured:
    """Of the rows of ``trade``, by each flow that is ``wanted``; at least one."""
    import pandas as pd

    frame, notes, units = None, [], {}
    for direction in wanted:
        quality = estimate_quality(trade[trade["flow"] == direction], sigma=sigma, sigmas=sigmas, market=market)
        means = country_means(quality, weights=weights, standardise=standardise)
        name = QUALITY_COLUMNS[direction]
        means = means.rename(
            columns={"quality": name, "products": f"products_{direction}", "value": f"value_{direction}"}
        )
        frame = means if frame is None else pd.merge(frame, means, on=["unit", "period"], how="outer")
        notes += [f"{direction}: {note}" for note in quality.notes()]
        how = "0 (worst row of a product) to 1 (best)" if standardise else "log points"
        units[name] = f"{how}, mean weighted by {weights if weights != 'none' else 'nothing'}"
    assert frame is not None, "at least one flow is wanted"
    return Measured(frame.sort_values(["unit", "period"]).reset_index(drop=True), units, notes)
