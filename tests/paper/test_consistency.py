import numpy as np
import pytest

from bri_bayes.core.errors import InputError
from bri_bayes.paper import Printed, load_published
from bri_bayes.paper.collinear import collinearities
from bri_bayes.paper.completion import Equations, nearest_gram
from bri_bayes.paper.consistency import joint_consistency
from bri_bayes.paper.joint import GROUPS, decimal_slips, shifted
from bri_bayes.paper.normal_equations import system
from bri_bayes.paper.reported import Reported, load_tables, reported
from bri_bayes.paper.search_within_rounding import _Factors

# Newton's method ends with equations that hold to about this, on a unit scale.
SOLVED = 1e-10
# Linear programs and the recomputation of their answer, in float64.
RTOL_LINEAR_PROGRAM = 1e-6

OUTCOMES, SHARED, OWN = ("y1", "y2"), ("x1", "x2"), ("z1", "z2", "z3")


@pytest.fixture(scope="module")
def paper():
    return load_published()


@pytest.fixture(scope="module")
def verdicts(paper):
    return {name: joint_consistency(reported(paper, tables)) for name, tables in GROUPS.items()}


def made_up_rows(seed, n=300):
    """Correlated regressors and two outcomes, by name : (n,)."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, 2))
    rows = {name: 0.5 * factors @ rng.normal(size=2) + rng.normal(size=n) for name in (*SHARED, *OWN)}
    for name in OUTCOMES:
        rows[name] = sum(rng.normal() * rows[x] for x in (*SHARED, *OWN)) + rng.normal(size=n)
    return rows


def regress(rows, outcome, names, decimals, effects=(), centre=lambda v: v - v.mean()):
    """Least squares printed with so many decimals."""
    X = np.column_stack([centre(rows[name]) for name in names])
    b = np.linalg.lstsq(X, centre(rows[outcome]), rcond=None)[0]
    numbers = {name: Printed(f"{value:.{decimals}f}") for name, value in zip(names, b, strict=True)}
    return Reported(f"{outcome} on {', '.join((*names, *effects))}", outcome, numbers, frozenset(effects))


def made_up_tables(rows_of_outcome, decimals):
    """Each outcome on each own regressor and the shared ones: more equations than unknowns."""
    return [regress(rows_of_outcome[y], y, (z, *SHARED), decimals) for y in OUTCOMES for z in OWN]


def simple(outcome, regressor, coefficient):
    return Reported(f"{outcome} on {regressor}", outcome, {regressor: Printed(coefficient)})


def assert_gives_back(common):
    """Least squares from the cross-products, by this test's own formula, rounds to every printed number."""
    level = dict(zip((r.name for r in common.system.regressions), common.system.levels, strict=True))
    for regression in common.system.regressions:
        names = [*regression.regressors, regression.outcome]
        gram = np.zeros((len(names), len(names)))
        for block, G in list(zip(common.system.names, common.blocks, strict=True))[: level[regression.name] + 1]:
            at = [block.index(name) for name in names]
            gram += G[np.ix_(at, at)]
        b = np.linalg.solve(gram[:-1, :-1], gram[:-1, -1])
        assert all(n.agrees(v) for n, v in zip(regression.coefficients.values(), b, strict=True)), regression.name
    for G in common.blocks:
        assert np.linalg.eigvalsh(G)[0] > 0


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decimals", [2, 3])
def test_tables_from_one_data_set_can_share_one(seed, decimals):
    rows = made_up_rows(seed)
    answer = joint_consistency(made_up_tables({"y1": rows, "y2": rows}, decimals))
    assert answer.verdict == "shared"
    assert_gives_back(answer.common)


@pytest.mark.parametrize("seed", range(5))
def test_tables_from_two_data_sets_cannot_share_one(seed):
    rows = {"y1": made_up_rows(seed), "y2": made_up_rows(seed + 100)}
    answer = joint_consistency(made_up_tables(rows, 3))
    assert answer.verdict == "conflict"
    assert "No data set can give" in answer.sentence
    assert answer.collinear[0].regressions[0] in answer.sentence


def test_a_certificate_of_collinearity_cancels_everything_but_the_shared_regressors():
    rows = {"y1": made_up_rows(1), "y2": made_up_rows(101)}
    tables = {table.name: table for table in made_up_tables(rows, 3)}
    certificate = joint_consistency(list(tables.values())).collinear[0]
    total = {}
    for name, weight in certificate.weights.items():
        residual = {tables[name].outcome: 1.0} | {k: -v.value for k, v in tables[name].coefficients.items()}
        for variable, value in residual.items():
            total[variable] = total.get(variable, 0.0) + weight * value
    assert {k for k, v in total.items() if abs(v) > SOLVED} == set(certificate.combination)
    assert total == pytest.approx(certificate.combination | dict.fromkeys(set(total) - set(SHARED), 0.0), abs=SOLVED)
    assert max(map(abs, certificate.combination.values())) == pytest.approx(1)


def test_coefficients_within_rounding_stay_inside_the_bounds_of_the_certificate(paper, rng):
    certificate = collinearities(reported(paper, [3, 4]))[0]
    tables = [table for table in reported(paper, [3, 4]) if table.name in certificate.regressions]
    shared = list(certificate.combination)
    names = sorted({n for t in tables for n in (t.outcome, *t.regressors)} - set(shared))
    for _ in range(200):
        moved = [{k: v.value + v.half_unit * rng.uniform(-1, 1) for k, v in t.coefficients.items()} for t in tables]
        residuals = [{t.outcome: 1.0} | {k: -v for k, v in b.items()} for t, b in zip(tables, moved, strict=True)]
        cancelled, remaining = (
            np.array([[r.get(n, 0.0) for r in residuals] for n in rows]) for rows in (names, shared)
        )
        w = remaining @ np.linalg.svd(cancelled)[2][-1]
        ratios = dict(zip(shared, w / w[shared.index("lnroaddensity")], strict=True))
        for name, (low, high) in certificate.bounds.items():
            assert low - RTOL_LINEAR_PROGRAM <= ratios[name] <= high + RTOL_LINEAR_PROGRAM


def test_regressions_on_each_other_share_data_only_if_their_product_is_a_squared_correlation():
    assert joint_consistency([simple("y", "x", "1.00"), simple("x", "y", "0.50")]).verdict == "shared"
    conflict = joint_consistency([simple("y", "x", "1.00"), simple("x", "y", "2.00")])
    assert conflict.verdict == "conflict"
    assert conflict.positive.least_eigenvalue > 0


def test_rounding_is_used_where_the_printed_numbers_leave_collinear_data_only():
    within_rounding = joint_consistency([simple("y", "x", "1.0"), simple("x", "y", "1.0")])
    assert within_rounding.verdict == "shared"
    assert within_rounding.common.largest_miss > 0
    assert_gives_back(within_rounding.common)
    assert joint_consistency([simple("y", "x", "1.0"), simple("x", "y", "1.2")]).verdict == "conflict"


def test_regressions_with_fewer_effects_see_the_sum_of_two_parts(rng):
    units, periods = 12, 5
    u, t = (index.ravel() for index in np.indices((units, periods)))
    rows = {name: rng.normal(size=units)[u] + rng.normal(size=(units * periods)) for name in "xy"}

    def after(labels):
        dummies = np.column_stack([label[:, None] == np.unique(label) for label in labels]).astype(float)
        return lambda v: v - dummies @ np.linalg.lstsq(dummies, v, rcond=None)[0]

    tables = [
        regress(rows, "y", ("x",), 4, effects, after(labels))
        for effects, labels in ((("unit", "period"), (u, t)), (("period",), (t,)))
    ]
    answer = joint_consistency(tables)
    assert answer.common.system.levels == (0, 1)
    assert_gives_back(answer.common)


def test_every_regression_has_a_name_of_its_own():
    with pytest.raises(InputError, match='2 regressions are called "y on x"'):
        joint_consistency([simple("y", "x", "1.0")] * 2)
    with pytest.raises(InputError, match="no regression was given"):
        joint_consistency([])


def test_effects_that_are_not_nested_are_refused():
    tables = [Reported(e, "y", {"x": Printed("1.0")}, frozenset({e})) for e in ("unit", "period")]
    with pytest.raises(InputError, match="are not nested"):
        joint_consistency(tables)


def test_the_nearest_gram_matrix_keeps_what_the_equations_leave_free():
    expected = np.array([[2.0, 0.3, 0.5], [0.3, 1.0, -0.2], [0.5, -0.2, 3.0]])
    row = np.eye(3)
    equations = Equations((row[:1],), (row[1:2],), np.array([0.9]), np.array([np.inf]))
    nearest = nearest_gram([expected], equations)
    assert nearest.converged
    assert nearest.gram[0][0, 1] == pytest.approx(0.9, abs=SOLVED)
    inverse = np.linalg.inv(nearest.gram[0]) - np.linalg.inv(expected)
    assert np.abs(inverse[[0, 0, 1, 1, 2], [0, 2, 1, 2, 2]]).max() < SOLVED
    kept = Equations((row[:1],), (row[1:2],), np.array([0.3]), np.array([np.inf]))
    np.testing.assert_allclose(nearest_gram([expected], kept).gram[0], expected, atol=SOLVED)


def test_the_derivative_of_the_misses_is_that_of_finite_differences(paper, rng):
    problem = system(reported(paper, [3, 8]))
    start = [np.eye(len(names)) + 0.3 for names in problem.names]
    factors = _Factors(problem, start)
    _, moved = factors.misses(factors.start)
    step = 1e-6
    for entry in rng.choice(factors.start.size, 8, replace=False):
        change = step * np.eye(1, factors.start.size, entry)[0]
        upper, lower = (factors.misses(factors.start + sign * change)[0] for sign in (1, -1))
        np.testing.assert_allclose(moved[:, entry], (upper - lower) / (2 * step), atol=1e-6 * np.abs(moved).max())


def test_regressions_are_read_from_a_toml_file(tmp_path):
    path = tmp_path / "tables.toml"
    path.write_text(
        '[[regression]]\nname = "a"\noutcome = "y"\nabsorbed = ["unit"]\nr_squared = "0.50"\n'
        'coefficients = { x = "0.10", z = "-2" }\n',
        encoding="utf-8",
    )
    (table,) = load_tables(path).regression
    assert table.regressors == ("x", "z")
    assert table.coefficients["x"].interval == pytest.approx((0.095, 0.105))
    assert table.absorbed == {"unit"}
    assert joint_consistency([table]).verdict == "shared"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "a"\noutcome = "y"\ncoefficients = { x = 0.10 }', "give the number in quotes"),
        ('name = "a"\noutcome = "y"\ncoefficients = { x = "1e3" }', "is not a printed number"),
        ('name = "a"\noutcome = "y"\ncoefficients = {}', "at least one coefficient"),
        ('name = "a"\noutcome = "x"\ncoefficients = { x = "1" }', "cannot be its own regressor"),
        ('name = "a"\noutcome = "y"\nr_squared = "2"\ncoefficients = { x = "1" }', "a share between 0 and 1"),
        ('name = "a"\noutcom = "y"\ncoefficients = { x = "1" }', 'unknown key "outcom"'),
    ],
)
def test_a_wrong_regression_in_a_file_is_named(tmp_path, text, message):
    path = tmp_path / "tables.toml"
    path.write_text(f"[[regression]]\n{text}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_tables(path)


def test_a_name_may_stand_once_in_a_file(tmp_path):
    path = tmp_path / "tables.toml"
    table = '[[regression]]\nname = "a"\noutcome = "y"\ncoefficients = { x = "1" }\n'
    path.write_text(table * 2, encoding="utf-8")
    with pytest.raises(InputError, match='the name "a" stands above already'):
        load_tables(path)


def test_an_unknown_table_is_refused(paper):
    with pytest.raises(InputError, match="the paper has no regression 9"):
        reported(paper, [9])


@pytest.mark.published
def test_which_tables_of_the_paper_can_share_a_data_set(verdicts):
    conflicts = {
        "Tables 3 and 4",
        "Tables 5 and 7, both qualities",
        "Table 6 and Table 7, quality of exports",
        "Table 6 and Table 7, quality of imports",
    }
    assert {name for name, answer in verdicts.items() if answer.verdict == "conflict"} == conflicts
    assert {name for name, answer in verdicts.items() if answer.verdict == "shared"} == set(GROUPS) - conflicts
    for answer in verdicts.values():
        if answer.common is not None:
            assert answer.common.least_eigenvalue > 0.5
            assert_gives_back(answer.common)


@pytest.mark.published
def test_tables_3_and_4_force_road_density_to_be_a_function_of_the_other_covariates(verdicts):
    (certificate,) = verdicts["Tables 3 and 4"].collinear
    expected = {"lnppl": -0.0189, "lnpgdp": 0.0575, "growth": -0.0227, "lnroaddensity": 1.0}
    assert certificate.combination == pytest.approx(expected, abs=5e-5)
    assert certificate.bounds["lnppl"] == pytest.approx((-0.0199, -0.0180), abs=5e-5)
    assert certificate.bounds["lnpgdp"] == pytest.approx((0.0359, 0.0792), abs=5e-5)
    assert certificate.bounds["growth"] == pytest.approx((-0.0251, -0.0203), abs=5e-5)
    assert certificate.margin > 90


@pytest.mark.published
def test_the_two_qualities_share_a_data_set_once_a_decimal_point_of_growth_is_moved(verdicts):
    slips = decimal_slips(verdicts["Tables 5 and 7, both qualities"])
    assert {(s.outcome, s.variable, s.places) for s in slips} == {
        ("quality_exp", "growth", 1),
        ("quality_imp", "growth", -1),
    }
    for slip in slips:
        assert_gives_back(slip.consistency.common)


@pytest.mark.published
def test_no_slip_of_one_decimal_place_reconciles_tables_3_and_4(verdicts):
    assert decimal_slips(verdicts["Tables 3 and 4"]) == ()


@pytest.mark.published
def test_the_standard_errors_of_growth_are_off_by_the_same_factor_of_ten(paper):
    ratios = {
        name: paper.cell(5, 2, name).se.value / paper.cell(5, 3, name).se.value
        for name in ("BRI", "lnppl", "lnpgdp", "lnroaddensity", "growth")
    }
    growth = ratios.pop("growth")
    assert list(ratios.values()) == pytest.approx([1.48] * 4, abs=0.006)
    assert 10 * growth == pytest.approx(1.48, abs=0.006)


def test_a_moved_decimal_point_keeps_the_digits():
    (moved,) = shifted([simple("y", "x", "-0.0165")], "y", "x", 1)
    assert str(moved.coefficients["x"]) == "-0.165"
    (moved,) = shifted([simple("y", "x", "0.0720")], "y", "x", -1)
    assert str(moved.coefficients["x"]) == "0.00720"
