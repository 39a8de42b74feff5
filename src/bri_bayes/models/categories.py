"""The PyMC models of trade by category: a panel over years, and a difference of two years.

**Panel.** Y_i : (period, category), logs on the standardised scale, for unit i,

    Y_i = 1 a_i' + l + D_i o (tau + u_i) + E_i,     E_i,t = rho E_i,t-1 + w_it,   w_it ~ N(0, Sigma)
    tau_kc = mu_c + g_k + h_kc                      mu_c ~ N(m, s^2)
    u_i ~ N(0, Omega),  Omega = diag(omega) R diag(omega),  R ~ LKJ(2)

a_i (category,) and l (period, category) are flat and integrated in closed form: l by taking the unit mean away, a by
generalised least squares on a whitened constant, which commute because all units share rho and Sigma. With N units, T
periods, C categories, k = (sqrt(1 - rho^2), 1 - rho, ..., 1 - rho) and W_i the whitened residual, the likelihood is

    sum_i log N(W_i | 0, Sigma) over (N - 1)(T - 1) rows + (N - 1) C / 2 [log(1 - rho^2) - log k'k]

the restricted likelihood of Patterson & Thompson (1971), doi:10.1093/biomet/58.3.545. g and h are random walks over
event time whose average over treated cells is zero, so mu_c is the average effect of a category in all treated units.
Sigma is a full covariance (LKJ): shocks that hit all goods of a country do not count seven times. Missing cells are
free variables with a flat prior, so their posterior is the conditional distribution given the rest.

**Difference.** d_ic = y_ic(later) - y_ic(earlier), one number a unit and category,

    d_i = g + D_i mu + e_i,     e_i ~ multivariate Student-t(nu, 0, Sigma)

with g_c wide. With one difference a unit, what sets a treated country apart cannot be told from its error, so there
is no u_i here; a tail of its own (nu) keeps one country from setting the answer.
LKJ: Lewandowski, Kurowicka & Joe (2009), doi:10.1016/j.jmva.2009.04.008. Pooled effects are non-centred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from bri_bayes.core.arrays import Array
from bri_bayes.design.category_design import LKJ_SHAPE, CategoryDesign
from bri_bayes.models.products import product

if TYPE_CHECKING:
    import pymc as pm

# Prior scales on the standardised outcome, those of the default card: the average effect, the spread of categories
# around it, that of countries around a category, a step of a path, the error.
EFFECT, SPREAD, COUNTRY, STEP, ERROR = 2.0, 1.0, 1.0, 0.5, 1.0
# The growth of a category between two years, in units of the sd of differences: fixed in practice.
WIDE = 10.0


def build_category_panel(design: CategoryDesign) -> pm.Model:
    """The model of a panel over years.

    With Z = [Y, D, H] (outcome, effect dummies and one column for each hole), minus unit means, and B = [I; -theta; h],
    the residual is Z B and the likelihood needs Z' Q(rho) Z alone: a few constant matrices times powers of rho.
    """
    import pymc as pm
    import pytensor.tensor as pt

    n_units, n_periods, n_categories = design.y.shape
    times = design.times
    columns, holes = category_columns(design), design.holes
    steps = centred_walk(times, (design.event_time[:, :, None] == times).sum(axis=(0, 1)))
    with pm.Model(coords=_coords(design, times)) as model:
        mu, u = _category_effects(), _country_effects(n_categories)
        path = mu[None, :]
        if times.size > 1:
            path = path + product(pt.as_tensor(steps), _steps(times.size - 1, n_categories))
        path = pm.Deterministic("path", path, dims=("event_time", "category"))
        parts = [pt.eye(n_categories), -path, -u]
        if len(holes):
            away = pm.Flat("missing", shape=len(holes), initval=np.zeros(len(holes)))
            parts.append(away[:, None] * np.eye(n_categories)[holes[:, 2]])
        rho = pm.Deterministic("rho", 2 * pm.Beta("rho_share", 1.0, 1.0) - 1)
        precision, log_level = _moments(columns, rho)
        chol = _covariance("error", n_categories, ERROR)
        inverse = pt.linalg.solve_triangular(chol, np.eye(n_categories), lower=True)
        whitened = product(pt.concatenate(parts, axis=0), inverse.T)
        square = (whitened * product(precision, whitened)).sum()
        rows = (n_units - 1) * (n_periods - 1)
        level = 0.5 * (n_units - 1) * n_categories * (pt.log1p(-(rho**2)) - log_level)
        pm.Potential("likelihood", level - 0.5 * square - rows * pt.log(pt.diag(chol)).sum())
    return model


def build_category_difference(design: CategoryDesign) -> pm.Model:
    """The model of a difference of two years; ``design.y`` : (unit, 1, category) holds the differences."""
    import pymc as pm
    import pytensor.tensor as pt

    n_units, _, n_categories = design.y.shape
    treated = design.treated_ix
    with pm.Model(coords=_coords(design, np.zeros(0))) as model:
        d = pt.as_tensor(design.guess[:, 0, :])
        if len(holes := design.holes):
            away = pm.Flat("missing", shape=len(holes), initval=np.zeros(len(holes)))
            d = pt.inc_subtensor(d[holes[:, 0], holes[:, 2]], away)
        mu = _category_effects()
        growth = pm.Normal("growth", 0, WIDE, dims="category")
        chol = _covariance("error", n_categories, ERROR)
        nu = pm.Deterministic("nu", 2 + pm.Gamma("nu_minus_two", alpha=2, beta=0.1))
        mean = pt.tile(growth[None, :], (n_units, 1))
        mean = pt.inc_subtensor(mean[treated], mu[None, :])
        scores = pt.linalg.solve_triangular(chol, (d - mean).T, lower=True)
        square = (scores**2).sum(axis=0)
        # The density of the multivariate t with scale matrix chol chol', without its constant in pi.
        row = pt.gammaln((nu + n_categories) / 2) - pt.gammaln(nu / 2) - 0.5 * n_categories * pt.log(nu)
        row = row - pt.log(pt.diag(chol)).sum() - 0.5 * (nu + n_categories) * pt.log1p(square / nu)
        pm.Potential("likelihood", row.sum())
    return model


def _coords(design: CategoryDesign, times: Any) -> dict[str, Any]:
    treated = [design.units[position] for position in design.treated_ix]
    return {"category": list(design.categories), "treated_unit": treated, "event_time": list(times)}


def category_columns(design: CategoryDesign) -> Array:
    """Z : (period, unit, column) minus unit means, which integrates the period effects."""
    n_units, n_periods, _ = design.y.shape
    cells = np.moveaxis(design.event_time[:, :, None] == design.times, 0, 1).astype(float)
    single = cells.sum(axis=2)[:, :, None] * np.eye(n_units)[:, design.treated_ix]
    holes = design.holes
    marks = np.zeros((n_periods, n_units, len(holes)))
    marks[holes[:, 1], holes[:, 0], np.arange(len(holes))] = 1.0
    columns = np.concatenate([np.moveaxis(design.guess, 0, 1), cells, single, marks], axis=2)
    return np.asarray(columns - columns.mean(axis=1, keepdims=True))


def _moments(columns: Array, rho: Any) -> tuple[Any, Any]:
    """Z' (Q x I) Z : (column, column) for AR(1) errors with innovations of sd one, and log(1' R^-1 1).

    Q = R^-1 - R^-1 1 1' R^-1 / (1' R^-1 1) integrates the flat level of a unit. R^-1 has the diagonal
    (1, 1 + rho^2, ..., 1 + rho^2, 1) and -rho beside it, so R^-1 1 = (1 - rho) (1, 1 - rho, ..., 1 - rho, 1)'.
    """
    import pytensor.tensor as pt

    def cross(first: Array, second: Array) -> Array:
        product = np.tensordot(first, second, axes=((0, 1), (0, 1))) if first.ndim == 3 else first.T @ second
        return np.asarray((product + product.T) / 2)

    whole = cross(columns, columns)
    inner = cross(columns[1:-1], columns[1:-1])
    beside = 2 * cross(columns[1:], columns[:-1])
    ends, middle = columns[0] + columns[-1], columns[1:-1].sum(axis=0)  # (unit, column)
    rest = 1 - rho
    total = 2 + (columns.shape[0] - 2) * rest
    score = cross(ends, ends) + 2 * rest * cross(ends, middle) + rest**2 * cross(middle, middle)
    return whole + rho**2 * inner - rho * beside - (rest / total) * score, pt.log(rest * total)


def _category_effects() -> Any:
    """mu : (category,) average effects, pooled towards a common centre."""
    import pymc as pm

    center = pm.Normal("center", 0, EFFECT)
    spread = pm.HalfNormal("spread", SPREAD)
    raw = pm.Normal("effect_raw", 0, 1, dims="category")
    return pm.Deterministic("mu", center + spread * raw, dims="category")


def _country_effects(n_categories: int) -> Any:
    """u : (treated_unit, category) of countries around the effects of the categories."""
    import pymc as pm

    chol = _covariance("country", n_categories, COUNTRY, half_normal=True)
    raw = pm.Normal("country_raw", 0, 1, dims=("treated_unit", "category"))
    return pm.Deterministic("u", product(raw, chol.T), dims=("treated_unit", "category"))


def centred_walk(times: Any, weights: Array) -> Array:
    """From standard steps : (event_time - 1,) to a random walk whose mean over treated cells is zero."""
    steps = np.tril(np.ones((times.size, times.size)), -1)[:, :-1] * np.sqrt(np.diff(times))
    return np.asarray(steps - (weights / weights.sum()) @ steps)


def _steps(size: int, n_categories: int) -> Any:
    """Steps of the paths : (event_time - 1, category), a part shared by all categories and one of each."""
    import pymc as pm

    common = pm.HalfNormal("eta_common", STEP) * pm.Normal("step_common", 0, 1, shape=(size, 1))
    return common + pm.HalfNormal("eta_own", STEP) * pm.Normal("step_own", 0, 1, shape=(size, n_categories))


def _covariance(name: str, size: int, scale: float, *, half_normal: bool = False) -> Any:
    """The Cholesky factor of a covariance with LKJ correlations; its sds and correlations are kept."""
    import pymc as pm
    import pytensor.tensor as pt

    sd = pm.HalfNormal.dist(scale, shape=size) if half_normal else pm.HalfStudentT.dist(nu=3, sigma=scale, shape=size)
    packed = pm.LKJCholeskyCov(name, n=size, eta=LKJ_SHAPE, sd_dist=sd, compute_corr=False)
    return pt.zeros((size, size))[np.tril_indices(size)].set(packed)
