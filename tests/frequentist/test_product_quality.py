"""Claims about product quality from values and quantities, and about the files that hold them."""

from __future__ import annotations

import zipfile

import numpy as np
import pandas as pd
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.data.trade import TradeColumns, read_trade
from bri_bayes.frequentist.product_quality import country_means, estimate_quality, read_sigmas
from bri_bayes.frequentist.sparse_fixed_effects import SparseEffects

# Conjugate gradients stop at a relative residual of 1e-11 of the normal equations.
SOLVED = 1e-7
# pyfixest demeans to 1e-8 by default.
PEER = 1e-5


def ces_trade(rng, *, units=12, products=60, years=(2003, 2004), sigma=5.0, missing=0.3):
    """Rows from the demand of the model: quality known, price rising with quality, market and product effects."""
    grid = pd.MultiIndex.from_product([years, range(units), range(products)]).to_frame(index=False)
    grid.columns = ["period", "unit", "product"]
    grid = grid[rng.uniform(size=len(grid)) > missing].reset_index(drop=True)
    log_quality = rng.normal(0, 0.3, len(grid)) + 0.05 * grid["unit"].to_numpy()
    log_price = 0.8 * log_quality + rng.normal(0, 0.5, products)[grid["product"]] + rng.normal(0, 0.2, len(grid))
    market = rng.normal(10, 1, (len(years), units))[grid["period"] - years[0], grid["unit"]]
    log_quantity = (sigma - 1) * log_quality - sigma * log_price + rng.normal(0, 1, products)[grid["product"]] + market
    return grid.assign(
        flow="export",
        unit=[f"U{unit:02d}" for unit in grid["unit"]],
        product=[f"{8500 + product:06d}" for product in grid["product"]],
        value=np.exp(log_quantity + log_price),
        quantity=np.exp(log_quantity),
        truth=log_quality,
    )


def dummy_residuals(y, *codes):
    columns = np.column_stack([np.eye(code.max() + 1)[code] for code in codes])
    return y - columns @ np.linalg.lstsq(columns, y, rcond=None)[0]


def test_quality_is_that_of_the_model_after_product_and_market_effects(rng):
    trade = ces_trade(rng)
    quality = estimate_quality(trade, sigma=5.0)
    product = pd.factorize(trade["product"])[0]
    market = pd.factorize(trade["unit"] + trade["period"].astype(str))[0]
    expected = dummy_residuals(trade["truth"].to_numpy(), product, market)
    np.testing.assert_allclose(quality.rows["quality"], expected, atol=SOLVED)
    assert quality.counts["used"] == len(trade)
    assert quality.counts["parts"] == 1


def test_residuals_are_those_of_pyfixest(rng):
    import pyfixest as pf

    trade = ces_trade(rng)
    price = np.log(trade["value"] / trade["quantity"])
    frame = trade.assign(y=np.log(trade["quantity"]) + 4.0 * price, market=trade["unit"] + trade["period"].astype(str))
    peer = pf.feols("y ~ 1 | product + market", frame).resid()
    np.testing.assert_allclose(3.0 * estimate_quality(trade, sigma=4.0).rows["quality"], peer, atol=PEER)


def test_unbalanced_and_unconnected_effects_are_those_of_dummies(rng):
    first, second = rng.integers(0, 40, 150), rng.integers(0, 15, 150)
    first = np.concatenate([first, 40 + rng.integers(0, 3, 20)])
    second = np.concatenate([second, 15 + rng.integers(0, 4, 20)])
    first, second = pd.factorize(first)[0], pd.factorize(second)[0]
    y = rng.normal(size=170)
    effects = SparseEffects(first, second)
    np.testing.assert_allclose(effects.residuals(y), dummy_residuals(y, first, second), atol=SOLVED)
    assert effects.parts == 2


def test_the_unweighted_mean_of_a_country_and_year_is_zero_by_construction_and_the_weighted_is_not(rng):
    quality = estimate_quality(ces_trade(rng))
    assert np.abs(country_means(quality, weights="none")["quality"]).max() < SOLVED
    assert np.abs(country_means(quality, weights="value")["quality"]).max() > 0.01
    assert any("zero by construction" in note for note in quality.notes())


def test_year_effects_rank_countries_by_their_quality(rng):
    # One market, many origins: no market effect of an origin, so that its mean quality is in the quantities.
    trade = ces_trade(rng, missing=0.1)
    log_price = np.log(trade["value"] / trade["quantity"])
    quantity = np.exp(4.0 * trade["truth"] - 5.0 * log_price)
    trade = trade.assign(quantity=quantity, value=quantity * np.exp(log_price))
    means = country_means(estimate_quality(trade, market="year"), weights="none")
    slope = np.polyfit(means["unit"].str[1:].astype(int), means["quality"], 1)[0]
    assert slope == pytest.approx(0.05, abs=0.01)  # planted: 0.05 a unit


def test_a_price_in_another_unit_or_currency_changes_nothing(rng):
    trade = ces_trade(rng)
    other = trade.assign(value=1000 * trade["value"], quantity=2.2 * trade["quantity"])
    np.testing.assert_allclose(
        estimate_quality(trade).rows["quality"], estimate_quality(other).rows["quality"], atol=SOLVED
    )


def test_an_elasticity_by_product_group_is_the_longest_match(rng):
    trade = ces_trade(rng)
    quality = estimate_quality(trade, sigma=5.0, sigmas={"00": 3.0, "00851": 4.0})
    assert set(quality.rows["sigma"]) == {3.0, 4.0}
    assert (quality.rows.loc[quality.rows["product"].str.startswith("00851"), "sigma"] == 4.0).all()


def test_lost_rows_are_counted_by_reason(rng):
    trade = ces_trade(rng)
    trade.loc[[0, 1, 2], "quantity"] = np.nan
    trade.loc[[3, 4], "quantity"] = 0.0
    trade.loc[5, "value"] = 0.0
    alone = trade.iloc[[10]].assign(product="999999")
    quality = estimate_quality(pd.concat([trade, alone], ignore_index=True))
    lost = {key: quality.counts[key] for key in ("no_quantity", "zero_quantity", "no_value", "alone")}
    assert lost == {"no_quantity": 3, "zero_quantity": 2, "no_value": 1, "alone": 1}
    assert quality.counts["used"] + sum(lost.values()) == quality.counts["rows"]
    assert sum("left out" in note for note in quality.notes()) == 4


def test_standardised_quality_lies_between_zero_and_one(rng):
    means = country_means(estimate_quality(ces_trade(rng)), standardise=True)
    assert means["quality"].between(0, 1).all()


def test_a_year_of_china_at_six_digits_takes_less_than_20_seconds(rng, within):
    # About 5,000 products and 200 partners, both flows as markets of their own: most rows are of large partners.
    chance = np.minimum(1.0, 2.4 * rng.beta(0.5, 1.2, 200))
    export, imports = (rng.uniform(size=(200, 5000)) < chance[:, None] * share for share in (1.0, 0.6))
    cells = np.flatnonzero(np.stack([export, imports]).ravel())
    assert cells.size > 700_000
    trade = pd.DataFrame({"period": 2015, "unit": cells // 5000, "product": (cells % 5000).astype(str)})
    trade["quantity"] = rng.lognormal(3, 2, len(trade))
    trade["value"] = trade["quantity"] * rng.lognormal(1, 1, len(trade))
    with within(20):
        quality = estimate_quality(trade)
    assert quality.counts["used"] > 0.99 * cells.size


def baci(path, rows):
    path.write_text("t,i,j,k,v,q\n" + "".join(f"{row}\n" for row in rows))
    return path


OWN, BACI = "unit,period,product,value,quantity\n", "t,i,j,k,v,q\n"
ROWS = ["2015,156,398,010121,10.5,  2.0", "2015,398,156,854231,3.0,NA", "2015,398,643,854231,3.0,1.0"]


def test_a_baci_file_keeps_leading_zeros_both_flows_and_missing_quantities(tmp_path):
    table = read_trade(baci(tmp_path / "BACI_HS02_Y2015_V202501.csv", ROWS))
    assert table["product"].tolist() == ["010121", "854231"]
    assert table["flow"].tolist() == ["export", "import"]
    assert table["unit"].tolist() == ["398", "398"]
    assert table["quantity"].isna().tolist() == [False, True]


def test_a_baci_zip_gives_country_codes_and_years(tmp_path):
    inner = [baci(tmp_path / f"BACI_HS02_Y{year}_V1.csv", [row.replace("2015", str(year)) for row in ROWS])
             for year in (2014, 2015)]  # fmt: skip
    codes = tmp_path / "country_codes_V1.csv"
    codes.write_text("country_code,country_name,country_iso2,country_iso3\n398,Kazakhstan,KZ,KAZ\n")
    path = tmp_path / "BACI.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for member in [*inner, codes]:
            archive.write(member, member.name)
    table = read_trade(path)
    assert set(table["unit"]) == {"KAZ"}
    assert sorted(set(table["period"])) == [2014, 2015]
    assert set(read_trade(path, years=(2014, 2014))["period"]) == {2014}
    assert read_trade(path, products=["85"])["product"].unique().tolist() == ["854231"]


def test_a_csv_of_the_reader_has_its_own_columns(tmp_path, rng):
    path = tmp_path / "own.csv"
    ces_trade(rng).to_csv(path, index=False)
    table = read_trade(path, columns=TradeColumns(flow="flow"))
    assert estimate_quality(table).counts["used"] == len(table)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("a,b\n1,2\n", 'there is no column "unit"'),
        (OWN + "A,1,010101,x,1\n", 'row 2: value is "x", not a number'),
        (BACI + "2015,156,398,010121,1,abc\n", 'the quantity "abc" is not a number'),
        (BACI + "2015,4,398,010121,1,1\n", "there is no trade with the reporter 156"),
        (BACI + 2 * "2015,156,398,010121,1,1\n", "1 rows repeat a flow, period, unit and product"),
        (BACI + "2015,156,x,010121,1,1\n", "is not a BACI file"),
    ],
)
def test_a_bad_trade_file_is_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_trade(path)


def test_bad_elasticities_are_one_sentence(rng, tmp_path):
    trade = ces_trade(rng)
    with pytest.raises(InputError, match="sigma = 1 of all products is not allowed"):
        estimate_quality(trade, sigma=1.0)
    with pytest.raises(InputError, match="products have no sigma, the first is 00"):
        estimate_quality(trade, sigma=None, sigmas={"99": 3.0})
    with pytest.raises(InputError, match='market effects "country" are unknown'):
        estimate_quality(trade, market="country")
    with pytest.raises(InputError, match="none of 1 rows can be used: 1 alone in their product or market"):
        estimate_quality(trade.iloc[[0]])
    path = tmp_path / "sigma.csv"
    path.write_text("product,sigma\n85,high\n")
    with pytest.raises(InputError, match='row 2: sigma is "high", not a number'):
        read_sigmas(path)
