"""How good are the products that a country trades? Quality from values and quantities (Khandelwal, Schott & Wei 2013).

Preferences with a constant elasticity of substitution sigma and quality lambda give the demand
q = lambda^(sigma - 1) p^(-sigma) P^(sigma - 1) Y, so for product h, partner c and year t

    log q_hct + sigma log p_hct = alpha_h + alpha_ct + eta_hct        log lambda_hct = eta_hct / (sigma - 1)

p = value / quantity is a unit value; alpha_h takes out what products have in common (and their units of quantity),
alpha_ct the price index and the income of the market. Source: Khandelwal, Schott & Wei (2013), American Economic
Review, doi:10.1257/aer.103.6.2169, equations 8 and 9.

What the country-year effect costs: least squares make the residuals of every country and year add up to zero, so
with ``market = "country_year"`` the *unweighted* mean quality of a country and year is zero by construction. A
value-weighted mean is not zero, but it says where in its own basket a country is good, not how good its basket is. With
``market = "year"`` (alpha_t in place of alpha_ct) countries are compared with each other; this fits imports of one
market from many origins, where the price index is that of the one market and year.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.data.records import read_records
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.frequentist.sparse_fixed_effects import SparseEffects

if TYPE_CHECKING:
    import pandas as pd

Market = Literal["country_year", "year"]
Weights = Literal["value", "none"]
# The paper names no elasticity. Five is the lower end of the range five to ten in the survey of Anderson & van Wincoop
# (2004), Journal of Economic Literature, doi:10.1257/0022051042177649.
SIGMA = 5.0
# No estimate in the literature has a thousandth of it; with 1e308 the demand overflows.
MOST_SIGMA = 1e6


@dataclass(frozen=True)
class Quality:
    """``rows`` : the trade with log_price and quality (log points); ``counts`` : rows read, used, lost by reason."""

    rows: pd.DataFrame
    counts: Mapping[str, int]
    market: Market

    def notes(self) -> list[str]:
        """What was left out, in plain sentences."""
        counts = self.counts
        lost = {
            "no_quantity": "have no quantity",
            "zero_quantity": "have a quantity of zero or less",
            "no_value": "have no value, or one of zero or less",
            "alone": "are alone in their product or market, where quality is zero by construction",
        }
        notes = [
            f"{counts[key]:,} of {counts['rows']:,} rows {what}: left out" for key, what in lost.items() if counts[key]
        ]
        if counts["parts"] > 1:
            notes.append(
                f"the products and markets fall into {counts['parts']} parts that share nothing: not comparable"
            )
        if self.market == "country_year":
            notes.append("with country-year effects the unweighted mean of a country and year is zero by construction")
        return notes


def estimate_quality(
    trade: pd.DataFrame,
    *,
    sigma: float | None = SIGMA,
    sigmas: Mapping[str, float] | None = None,
    market: Market = "country_year",
) -> Quality:
    """Quality of the rows period, unit, product, value, quantity of one flow (``trade_rows.read_trade``).

    ``sigmas`` maps first digits of product codes to elasticities (the longest match counts), ``sigma`` is that of the
    other products; None allows no others.
    """
    if market not in get_args(Market):
        raise InputError(f'the market effects "{market}" are unknown; {suggest(market, get_args(Market))}')
    rows, counts = _usable(trade)
    rows, counts["alone"] = _without_singletons(rows, market)
    if rows.empty:
        raise InputError(f"none of {counts['rows']:,} rows can be used: {_reasons(counts)}")
    elasticity = _elasticities(rows["product"], sigma, sigmas or {})
    product, places = _codes(rows, market)
    effects = SparseEffects(product, places)
    price = np.log(rows["value"].to_numpy()) - np.log(rows["quantity"].to_numpy())
    eta = effects.residuals(np.log(rows["quantity"].to_numpy()) + elasticity * price)
    counts |= {"used": len(rows), "parts": effects.parts, "iterations": effects.iterations}
    rows = rows.assign(log_price=price, sigma=elasticity, quality=eta / (elasticity - 1))
    return Quality(rows.reset_index(drop=True), counts, market)


def country_means(quality: Quality, *, weights: Weights = "value", standardise: bool = False) -> pd.DataFrame:
    """Mean quality of each unit and period, with the number of products and the value behind it.

    ``standardise`` first maps the quality of each product to 0 (its worst row) ... 1 (its best), as much of the
    literature on China's exports does; a product whose rows are all alike has no such scale and is left out.
    """
    import pandas as pd

    if weights not in get_args(Weights):
        raise InputError(f'the weights "{weights}" are unknown; {suggest(weights, get_args(Weights))}')
    rows = quality.rows
    if standardise:
        span = rows.groupby("product")["quality"].agg(["min", "max"]).loc[rows["product"]].to_numpy()
        width = span[:, 1] - span[:, 0]
        scaled = (rows["quality"].to_numpy() - span[:, 0]) / np.where(width > 0, width, 1.0)
        rows = rows.assign(quality=scaled)[width > 0]
    weight = rows["value"].to_numpy() if weights == "value" else np.ones(len(rows))
    table = pd.DataFrame(
        {
            "unit": rows["unit"].to_numpy(),
            "period": rows["period"].to_numpy(),
            "weight": weight,
            "weighted": weight * rows["quality"].to_numpy(),
            "value": rows["value"].to_numpy(),
            "products": 1,
        }
    )
    means = table.groupby(["unit", "period"], as_index=False).sum()
    means["quality"] = means["weighted"] / means["weight"]
    return means[["unit", "period", "quality", "products", "value"]]


def read_sigmas(path: str | Path, text_format: TextFormat = AS_USUAL) -> dict[str, float]:
    """A CSV with the columns product (first digits of a code) and sigma."""
    records = read_records(path, texts=["product"], numbers=["sigma"], text_format=text_format)
    table = records.frame
    if table["sigma"].isna().any() or (table["product"] == "").any():
        raise InputError(f"{path}: every row needs a product and a number as sigma")
    records.refuse_twice(["product"])
    return {str(product): float(value) for product, value in zip(table["product"], table["sigma"], strict=True)}


def _usable(trade: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows with a value and a quantity, and how many have none; a row is counted once, by the first reason."""
    quantity, value = trade["quantity"], trade["value"]
    unknown = quantity.isna()
    zero = ~unknown & (quantity <= 0)
    empty = ~unknown & ~zero & ~(value > 0)
    counts = {
        "rows": len(trade),
        "no_quantity": int(unknown.sum()),
        "zero_quantity": int(zero.sum()),
        "no_value": int(empty.sum()),
    }
    return trade[~(unknown | zero | empty)], counts


def _without_singletons(rows: pd.DataFrame, market: Market) -> tuple[pd.DataFrame, int]:
    """Leave out rows that are alone in their product or market, until none is."""
    product, places = _codes(rows, market)
    kept = np.arange(len(rows))
    while kept.size:
        alone = (np.bincount(product[kept])[product[kept]] == 1) | (np.bincount(places[kept])[places[kept]] == 1)
        if not alone.any():
            break
        kept = kept[~alone]
    return rows.iloc[kept], len(rows) - kept.size


def _codes(rows: pd.DataFrame, market: Market) -> tuple[Any, Any]:
    """Positions of the product and of the market of each row : (n,), (n,)."""
    import pandas as pd

    product = pd.factorize(rows["product"])[0]
    year = pd.factorize(rows["period"])[0]
    if market == "year":
        return product, year
    unit, units = pd.factorize(rows["unit"])
    return product, pd.factorize(year.astype(np.int64) * max(len(units), 1) + unit)[0]


def _elasticities(products: pd.Series, sigma: float | None, sigmas: Mapping[str, float]) -> Array:
    """The elasticity of each row : (n,)."""
    for name, value in [*sigmas.items(), *([("all products", sigma)] if sigma is not None else [])]:
        if not 1 < value <= MOST_SIGMA:
            raise InputError(
                f"sigma = {value:g} of {name} is not allowed: quality needs an elasticity above 1, "
                f"at most {MOST_SIGMA:,.0f}"
            )
    sigma_of: dict[str, float] = {}
    without = []
    for code in products.unique():
        match = next((code[:size] for size in range(len(code), 0, -1) if code[:size] in sigmas), None)
        if match is None and sigma is None:
            without.append(code)
        else:
            sigma_of[code] = sigmas[match] if match is not None else float(sigma or 0)
    if without:
        raise InputError(f"{len(without)} products have no sigma, the first is {min(without)}; give one for the others")
    return np.asarray(products.map(sigma_of), dtype=float)


def _reasons(counts: Mapping[str, int]) -> str:
    names = {"no_quantity": "without quantity", "zero_quantity": "with a zero quantity", "no_value": "without value"}
    names |= {"alone": "alone in their product or market"}
    return ", ".join(f"{counts[key]:,} {what}" for key, what in names.items() if counts.get(key))
