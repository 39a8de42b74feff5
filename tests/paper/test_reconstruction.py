import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.frequentist.ols import ols
from bri_bayes.paper import load_published
from bri_bayes.paper.rebuild.arrays import (
    across,
    group_centred,
    moved,
    products,
    recoloured,
    stretched,
    unit_means,
    within,
    without,
)
from bri_bayes.paper.rebuild.rows import rows_of
from bri_bayes.paper.reconstruction import BRI, COLUMNS, VERSIONS, reconstruct, reconstructions

from .changed import changed

NINE = ("AZE", "BLR", "KAZ", "KGZ", "MNG", "SRB", "TJK", "TKM", "UZB")
# Linear algebra on 6,111 rows in float64.
SOLVED = 1e-9
# The issue allows a minute; the embedded study builds one of them at its start.
SECONDS = 15
COVARIATES = {"lnppl", "lnpgdp", "growth", "lnroaddensity"}
MECHANISMS = {"policy", "infrastructure", "et_cooperation", "cultural_exchange"}


@pytest.fixture(scope="module")
def paper():
    return load_published()


@pytest.fixture(scope="module")
def panels():
    return {version: reconstruct(version) for version in VERSIONS}


def variable(panel, name):
    """A variable of the regressions : (unit, period), by this test's own reading of ``COLUMNS``."""
    column = COLUMNS[name]
    values = panel[column.column].to_numpy() * column.scale
    return np.log(values) if column.transform == "log" else values


def table_of(panel):
    """One row a unit and year with every regressor under the name that the declared regressions use."""
    rows = panel.to_dataframe().reset_index()
    for name in COLUMNS:
        rows[name] = variable(panel, name).ravel()
    ever = rows.groupby("unit")[BRI].transform("max")
    for name, onset in (("BRI", 2013), ("BRI_2012", 2012), ("BRI_2007", 2007)):
        rows[name] = ever * (rows["period"] >= onset)
    rows["BRI_x_inequality"] = rows["BRI"] * rows["inequality"]
    return rows


@pytest.mark.published
def test_pyfixest_gives_back_every_coefficient_of_tables_3_to_8_and_the_r_squared_of_table_3(paper, panels):
    import pyfixest

    rows = {version: table_of(panel) for version, panel in panels.items()}
    version_of = {key: name for name, version in VERSIONS.items() for key in version.columns}
    agreeing = []
    for regression in paper.regressions():
        effects = " + ".join(n for n, used in (("unit", regression.unit_effects), ("period", True)) if used)
        formula = f"{regression.outcome} ~ {' + '.join(regression.regressors)} | {effects}"
        fit = pyfixest.feols(formula, data=rows[version_of[regression.key]], vcov="iid")
        assert paper.observations(*regression.key) == fit._N
        for name, cell in zip(regression.regressors, paper.cells_of(*regression.key), strict=True):
            assert cell.estimate.agrees(float(fit.coef()[name])), cell.label
            agreeing.append(cell.key)
        if regression.table == 3:
            assert paper.r_squared(*regression.key).agrees(float(fit._r2)), regression.label
    assert sorted(agreeing) == sorted(paper.cells)
    assert len(agreeing) == 130


def test_every_column_of_the_tables_holds_on_exactly_one_version(paper):
    held = [key for version in VERSIONS.values() for key in version.columns]
    assert sorted(held) == sorted(regression.key for regression in paper.regressions())


def test_a_panel_has_291_units_and_21_years_and_says_that_it_is_a_reconstruction(panels):
    for version, panel in panels.items():
        assert dict(panel.sizes) == {"unit": 291, "period": 21}
        assert panel["period"].to_numpy().tolist() == list(range(2003, 2024))
        assert panel["unit"].to_numpy().tolist() == sorted(panel["unit"].to_numpy().tolist())
        assert set(NINE) < set(panel["unit"].to_numpy().tolist())
        assert panel.attrs["kind"] == "reconstruction"
        assert panel.attrs["version"] == version
        assert panel.attrs["label"].startswith("Reconstruction: ")
        assert "not observations" in panel.attrs["label"]
        assert all(np.isfinite(panel[name].to_numpy()).all() for name in panel.data_vars)


def test_ninety_units_are_treated_from_2013_on_the_five_countries_among_them(panels):
    bri = panels["main"][BRI]
    first = bri.idxmax("period").where(bri.any("period"))
    assert int((first == 2013).sum()) == 90
    assert int(first.notnull().sum()) == 90
    assert {u for u in NINE if float(first.sel(unit=u)) == 2013} == {"KAZ", "KGZ", "TJK", "TKM", "UZB"}
    assert bool((bri.sel(period=slice(2013, None)).min("period") == bri.max("period")).all())


def test_versions_share_rows_treatment_and_trade_and_differ_where_they_say(panels):
    main = panels["main"]
    allowed = {"placebo_years": COVARIATES, "quality_exp": MECHANISMS, "quality_imp": MECHANISMS}
    for version, names in allowed.items():
        different = {str(name) for name in main.data_vars if not main[name].equals(panels[version][name])}
        assert different == {COLUMNS[name].column for name in names}


def test_the_same_numbers_give_the_same_bytes(paper, panels, within):
    with within(SECONDS):
        again = reconstructions(paper)
    for version, panel in panels.items():
        assert again[version].attrs["digest"] == panel.attrs["digest"]
        assert again[version].equals(panel)
    assert len({panel.attrs["digest"] for panel in panels.values()}) == len(VERSIONS)


def test_a_panel_that_is_changed_does_not_change_the_next_one():
    reconstruct()["population"][:] = 0.0
    assert float(reconstruct()["population"].min()) > 0


def test_an_unknown_version_is_refused():
    with pytest.raises(InputError, match='no version "mian"'):
        reconstruct("mian")


@pytest.mark.parametrize("outcome", ["lnexport", "lnimport"])
def test_the_nine_countries_look_like_trading_countries(panels, outcome):
    at = [panels["main"]["unit"].to_numpy().tolist().index(unit) for unit in NINE]
    log_trade = variable(panels["main"], outcome)[at]
    growth = np.diff(log_trade, axis=1)
    assert log_trade.min() > 1.5
    assert log_trade.max() < 10.5
    assert 0.10 < growth[:, :9].mean() < 0.25
    assert growth[:, 9:].mean() < growth[:, :9].mean() - 0.05
    remaining = within(log_trade)
    persistence = (remaining[:, 1:] * remaining[:, :-1]).sum() / (remaining[:, :-1] ** 2).sum()
    assert 0.45 < persistence < 0.85
    spread = {"lnexport": (0.2, 0.4), "lnimport": (0.35, 0.75)}[outcome]
    assert spread[0] < growth.std(axis=1).mean() < spread[1]


def test_population_income_and_growth_of_the_nine_countries_are_of_their_size(panels):
    nine = panels["main"].sel(unit=list(NINE))
    assert float(nine["population"].min()) > 2e6
    assert float(nine["population"].max()) < 4e7
    assert float(nine["gdp_per_capita_2015usd"].min()) > 300
    assert float(nine["gdp_per_capita_2015usd"].max()) < 15000
    assert abs(float(nine["gdp_growth_pct"].mean()) - 5) < 3
    gdp = np.log(nine["population"] * nine["gdp_per_capita_2015usd"])
    change = 100 * (gdp - gdp.shift(period=1)).isel(period=slice(1, None))
    np.testing.assert_allclose(nine["gdp_growth_pct"].isel(period=slice(1, None)), change, atol=SOLVED)


@pytest.mark.parametrize(("outcome", "column"), [("lnexport", 3), ("lnimport", 6)])
def test_the_nine_countries_alone_have_the_effect_of_table_3(paper, panels, outcome, column):
    nine = panels["main"].sel(unit=list(NINE))
    units, periods = np.meshgrid(nine["unit"].to_numpy(), nine["period"].to_numpy(), indexing="ij")
    bri = {"BRI": nine[BRI].to_numpy().ravel()}
    fit = ols(variable(nine, outcome).ravel(), bri, absorb=[units.ravel(), periods.ravel()])
    assert float(fit.coefficients[0]) == pytest.approx(paper.cell(3, column, "BRI").estimate.value, abs=SOLVED)


def test_log_exports_have_the_means_of_table_2_before_the_onset(paper, panels):
    log_dollars = variable(panels["main"], "lnexport") + np.log(1e6)
    treated = panels["main"][BRI].to_numpy().any(axis=1)
    for name, group in (("treated_mean", treated), ("control_mean", ~treated)):
        printed = paper.descriptive(2, "export_size_log", name, "before")
        assert printed.agrees(float(log_dollars[group, :10].mean()))


@pytest.mark.parametrize(
    ("key", "versions"),
    [
        ((3, 1, "BRI"), set(VERSIONS)),
        ((3, 6, "lnppl"), set(VERSIONS)),
        ((8, 2, "growth"), set(VERSIONS)),
        ((4, 1, "lnppl"), set(VERSIONS)),
        ((7, 8, "cultural_exchange"), {"quality_imp"}),
    ],
)
def test_one_changed_coefficient_changes_the_digest_of_the_panels_that_it_shapes(paper, panels, key, versions):
    again = reconstructions(changed(paper, key, 1))
    assert {v for v in VERSIONS if again[v].attrs["digest"] != panels[v].attrs["digest"]} == versions


@pytest.mark.published
@pytest.mark.parametrize(
    ("first", "column"), [(1, (3, 3)), (4, (3, 6)), (1, (8, 1)), (4, (8, 2))], ids=["3(3)", "3(6)", "8(1)", "8(2)"]
)
def test_no_panel_with_one_onset_has_the_ordinary_standard_errors_of_bri_with_and_without_country_effects(
    paper, first, column
):
    """se^2 >= RSS / df / (BRI'BRI after both effects), in units of Table 3 (1) or (4): decision 4 has the algebra."""
    rows = rows_of(paper)
    bri = within(rows.bri)[None]
    squares = rows.bri_square / float(products(bri, bri)[0, 0])
    shares = (1 - paper.r_squared(*column).interval[1]) / (1 - paper.r_squared(3, first).interval[0])
    regressors = len(paper.regression(*column).regressors)
    freedom = (rows.size - 22) / (rows.size - 291 - 20 - regressors)
    floor = paper.cell(3, first, "BRI").se.interval[0] * np.sqrt(shares * freedom * squares)
    assert squares == pytest.approx(21 / 10)
    assert floor > paper.cell(*column, "BRI").se.interval[1]


@pytest.fixture
def columns(rng):
    """Three random columns on 6 units and 4 periods."""
    return rng.normal(size=(3, 6, 4))


def test_the_three_parts_of_a_column_add_up_and_are_orthogonal(columns):
    parts = [within(columns), unit_means(columns), np.broadcast_to(columns.mean(-2, keepdims=True), columns.shape)]
    np.testing.assert_allclose(sum(parts), columns, atol=SOLVED)
    np.testing.assert_allclose(parts[0] + parts[1], across(columns), atol=SOLVED)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        np.testing.assert_allclose(products(parts[a], parts[b]), 0, atol=SOLVED)


def test_moved_columns_have_the_products_that_are_asked_for(columns, rng):
    rows, targets = rng.normal(size=(2, 6, 4)), rng.normal(size=(2, 3))
    for basis in (None, rng.normal(size=(2, 6, 4))):
        np.testing.assert_allclose(products(rows, moved(columns, rows, targets, basis)), targets, atol=SOLVED)
    np.testing.assert_allclose(products(rows, without(columns, rows)), 0, atol=SOLVED)


def test_recoloured_columns_have_the_products_that_are_asked_for_and_stay_if_they_have_them(columns, rng):
    target = np.cov(rng.normal(size=(3, 9)))
    np.testing.assert_allclose(products(*[recoloured(columns, target)] * 2), target, atol=SOLVED)
    np.testing.assert_allclose(recoloured(columns, products(columns, columns)), columns, atol=SOLVED)


def test_stretched_columns_have_the_sum_of_squares_that_is_asked_for(columns):
    fixed, free, _ = columns
    stretched_by = stretched(fixed, free, 100.0)
    assert float((stretched_by**2).sum()) == pytest.approx(100)
    along = (stretched_by - fixed) / free
    assert along.min() == pytest.approx(along.max())
    assert along.min() > 0
    with pytest.raises(InputError, match="less than the"):
        stretched(fixed, free, 0.1)


def test_group_centred_columns_have_no_mean_in_any_group_and_period(columns):
    member = np.array([True, True, False, False, False, False])
    centred = group_centred(columns, member)
    for group in (member, ~member):
        np.testing.assert_allclose(centred[:, group].mean(axis=1), 0, atol=SOLVED)
