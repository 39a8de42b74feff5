"""Designs and independent fits that the frequentist tests share."""

import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bri_bayes.data.assignment import Assignment
from bri_bayes.design.design import build_design
from bri_bayes.study.model_card import ModelCard

TREATED = ("KAZ", "KGZ", "TJK", "TKM", "UZB")
# pyfixest demeans iteratively, by default to 1e-6 only.
DEMEANING_TOLERANCE = 1e-13
CONTROLS = ("MNG", "BLR", "AZE", "SRB")


def design_of(y, first_treated, covariates=None, *, first_period=2000, names=None):
    """A design from y (unit, period), the onset of each unit (None: never) and covariates by name (unit, period)."""
    units = list(names or [f"u{position:02d}" for position in range(len(y))])
    periods = np.arange(first_period, first_period + y.shape[1])
    arrays = {"y": y, **(covariates or {})}
    panel = xr.Dataset(
        {name: (("unit", "period"), np.asarray(value, dtype=float)) for name, value in arrays.items()},
        coords={"unit": units, "period": periods},
    )
    card = ModelCard(name="test", title="test", outcome="y", covariates=tuple(covariates or ()))
    return build_design(panel, Assignment(dict(zip(units, first_treated, strict=True))), card)


def formula_panel():
    """The 9 x 21 panel of the golden numbers: y (9, 21), and the onsets."""
    g, t = np.arange(9)[:, None], np.arange(21)[None, :]
    y = np.sin(1.7 * g) + 0.1 * t + 0.5 * np.cos(0.9 * g * (t + 1)) + 0.3 * ((g < 5) & (t >= 10))
    return y, [2010 if unit < 5 else None for unit in range(9)]


def random_panel(seed, *, n_units=8, n_periods=12, share_missing=0.15, staggered=False, n_covariates=2, n_treated=None):
    """An unbalanced panel with persistent errors and covariates: y (unit, period), onsets, covariates by name."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=(n_units, n_periods)).cumsum(axis=1) + 3 * rng.normal(size=(n_units, 1))
    covariates = {f"x{number}": rng.normal(size=y.shape) + 0.3 * y for number in range(n_covariates)}
    treated = n_treated or n_units // 2
    middle = 2000 + n_periods // 2
    onsets = [middle + (unit % 2 if staggered else 0) if unit < treated else None for unit in range(n_units)]
    y = y + sum((0.5 * column for column in covariates.values()), np.zeros_like(y))
    missing = rng.random(y.shape) < share_missing
    return np.where(missing, np.nan, y), onsets, covariates


def frame_of(design):
    """The rows of a design as a DataFrame: y, treated, unit, period and the covariates."""
    frame = pd.DataFrame(
        {
            "y": design["y"].to_numpy(),
            "treated": design["treated"].to_numpy().astype(float),
            "unit": design["unit_ix"].to_numpy(),
            "period": design["period_ix"].to_numpy(),
        }
    )
    return frame.assign(
        **{str(name): design["X"].sel(covariate=name).to_numpy() for name in design["covariate"].values}
    )


def pyfixest_fit(formula, data, *, effects=(), vcov="iid", **ssc):
    """A pyfixest fit that keeps singletons.

    pyfixest 0.60 matches the names of the effects to their columns in the order of a Python set, which changes
    with the hash seed, and then counts the wrong effects as nested in clusters. Asking for the effects in the order
    in which this process stores them avoids that.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyfixest

        def fit(order):
            tail = f" | {' + '.join(order)}" if order else ""
            options = {"fixef_rm": "none", "fixef_tol": DEMEANING_TOLERANCE, "fixef_maxiter": 1_000_000}
            return pyfixest.feols(formula + tail, data, vcov=vcov, ssc=pyfixest.ssc(**ssc), **options)

        first = fit(effects)
        if not effects:
            return first
        stored = [column.removeprefix("__fixed_effect__(").removesuffix(")") for column in first._fe.columns]
        return first if stored == list(effects) else fit(stored)


@pytest.fixture(scope="session")
def helpers():
    return SimpleNamespace(
        design_of=design_of,
        formula_panel=formula_panel,
        formula_design=lambda: design_of(*formula_panel()),
        random_panel=random_panel,
        random_design=lambda seed, **options: design_of(*random_panel(seed, **options)),
        frame_of=frame_of,
        pyfixest_fit=pyfixest_fit,
    )


@pytest.fixture(scope="session")
def real_design(shared):
    """Log goods trade of China with the nine countries, 2003-2020: by flow ("export" or "import")."""
    table = pd.read_csv(shared / "data" / "real_panel" / "china_partners_2000_2023.csv")
    table = table[table["iso3"].isin([*TREATED, *CONTROLS]) & table["year"].between(2003, 2020)]

    def design(flow):
        wide = np.log(table.pivot(index="iso3", columns="year", values=f"baci_{flow}_musd"))
        onsets = [2013 if unit in TREATED else None for unit in wide.index]
        return design_of(wide.to_numpy(), onsets, first_period=2003, names=list(wide.index))

    return design
