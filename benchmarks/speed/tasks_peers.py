"""What other packages do in each comparison: Bambi, CausalPy, pyfixest, diff-diff, pysyncon, polars, duckdb."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from speed.cost import Work

# Fits of which Bambi's 126 and 500 are extrapolated.
BAMBI_FITS = 5
PERMUTATIONS = 999


def bambi_nine() -> Work:
    """Bambi's defaults: its own priors, independent errors, an effect that varies by country; built and sampled."""
    return _bambi(_nine())


def bambi_placebos() -> Work:
    """Five of the fake groups of thirty units, each built, compiled and sampled anew."""
    from speed import panels

    frame = panels.frame_of(panels.analysis(panels.POOL, 21, panels.SIZE))
    frames = [panels.as_treated(frame, group) for group in panels.fake_groups()[:BAMBI_FITS]]
    return Work(lambda: [_by_bambi(some) for some in frames], ("bambi", "pymc"), repeat=1, first=False)


def bambi_placebos_nine() -> Work:
    """Five of the 126 groups of nine."""
    from itertools import combinations

    from speed import panels

    groups = [np.isin(np.arange(9), chosen) for chosen in list(combinations(range(9), 5))[:BAMBI_FITS]]
    frames = [panels.as_treated(_nine(), group) for group in groups]
    return Work(lambda: [_by_bambi(some) for some in frames], ("bambi", "pymc"), repeat=1, first=False)


def causalpy_nine() -> Work:
    """CausalPy's difference in differences with its defaults: two groups, one effect, independent errors."""
    import causalpy as cp
    import pandas as pd

    frame = pd.read_csv(_exported())
    frame = frame.assign(group=frame["ever"], post_treatment=frame["post"] == 1)
    sampler = {"random_seed": 1, "progressbar": False, "cores": 1, "chains": 4}

    def fitted() -> Any:
        return cp.DifferenceInDifferences(
            frame, formula="y ~ 1 + group*post_treatment", time_variable_name="period",
            group_variable_name="group", model=cp.pymc_models.LinearRegression(sample_kwargs=sampler),
        )  # fmt: skip

    def tell(done: Any) -> tuple[float, float]:
        import arviz

        draws = done.model.idata.posterior["beta"]
        effect = draws.sel(coeffs=[name for name in draws["coeffs"].to_numpy() if ":" in str(name)]).squeeze()
        effect = effect.transpose("chain", "draw").to_numpy()
        return float(effect.mean()), float(arviz.ess(effect))

    return Work(fitted, ("causalpy", "pymc"), tell, repeat=1, first=False)


def pyfixest_twfe() -> Work:
    """feols with two sets of fixed effects."""
    import pyfixest as pf

    frame = _nine()
    return Work(
        lambda: float(pf.feols("y ~ treated | unit + period", frame, vcov="iid").coef()["treated"]),
        ("pyfixest",), lambda estimate: (estimate, None), repeat=15,
    )  # fmt: skip


def pyfixest_permutation() -> Work:
    """Its randomisation inference of each unit's change over the onset, whose slope is that of two-way fixed effects.

    It draws rows or whole clusters anew, and the treatment of a cluster may not change: so units are the rows.
    """
    import pyfixest as pf

    from speed import panels

    frame = panels.frame_of(panels.analysis(panels.POOL, 21, panels.SIZE))
    means = frame.groupby(["unit", "ever", "post"])["y"].mean().unstack("post")
    changes = (means[1] - means[0]).rename("change").reset_index()

    def tested() -> Any:
        fit = pf.feols("change ~ ever", changes, vcov="iid")
        return fit.ritest("ever", reps=PERMUTATIONS, rng=np.random.default_rng(1))

    return Work(tested, ("pyfixest",), lambda done: (float(done["Estimate"]), None), repeat=3)


def diff_diff_permutation() -> Work:
    """Its permutation test of the difference in differences of groups, which is two-way fixed effects here."""
    import diff_diff

    from speed import panels

    frame = panels.frame_of(panels.analysis(panels.POOL, 21, panels.SIZE))

    def tested() -> Any:
        return diff_diff.permutation_test(
            frame, outcome="y", treatment="ever", post="post", unit="unit", n_permutations=PERMUTATIONS, seed=1
        )

    return Work(tested, ("diff-diff",), lambda done: (float(done.original_effect), None), repeat=1)


def diff_diff_sdid() -> Work:
    """Synthetic difference in differences of five of thirty with 200 placebo refits, its default."""
    import diff_diff

    from speed import panels

    frame = panels.frame_of(panels.analysis(panels.POOL, 21, panels.SIZE))
    after = sorted(frame.loc[frame["post"] == 1, "period"].unique())

    def fitted() -> Any:
        estimator = diff_diff.SyntheticDiD(variance_method="placebo", seed=1)
        return estimator.fit(frame, outcome="y", treatment="ever", unit="unit", time="period", post_periods=after)

    return Work(fitted, ("diff-diff",), lambda done: (float(done.att), None), repeat=1)


def pysyncon_placebos() -> Work:
    """A synthetic control of each of 25 donors from the other 24, by pysyncon, the paths before as predictors."""
    import pysyncon

    from speed import panels

    frame = panels.frame_of(panels.analysis(panels.POOL, 21, panels.SIZE))
    table = frame[frame["ever"] == 0].pivot(index="period", columns="unit", values="y")
    table.columns = [f"U{name}" for name in table.columns]
    before = table.index < panels.ONSET

    def every() -> float:
        gaps = []
        for name in table.columns:
            others = table.drop(columns=name)
            synth = pysyncon.Synth()
            arguments = {"X0": others[before], "X1": table.loc[before, name], "Z0": others[before]}
            synth.fit(**arguments, Z1=table.loc[before, name], custom_V=np.ones(int(before.sum())))
            gaps.append(table[name] - others @ synth.W)
        return float(np.sqrt((np.concatenate([gap[~before] for gap in gaps]) ** 2).mean()))

    return Work(every, ("pysyncon",), lambda error: (error, None), repeat=1)


def pyfixest_residuals() -> Work:
    """feols on product and country effects, a million rows."""
    import pyfixest as pf

    from speed import panels

    trade = panels.year_of_trade()
    frame = trade.assign(y=np.log(trade["quantity"]) + 5 * np.log(trade["value"] / trade["quantity"]))
    return Work(lambda: pf.feols("y ~ 1 | product + unit", frame, vcov="iid").resid(), ("pyfixest",), repeat=1)


def pyfixest_slope() -> Work:
    """feols with one regressor and two sets of effects, a million rows."""
    import pyfixest as pf

    from speed import panels

    trade = panels.year_of_trade()
    frame = trade.assign(y=np.log(trade["value"]), x=np.log(trade["quantity"]))
    return Work(
        lambda: float(pf.feols("y ~ x | product + unit", frame, vcov="iid").coef()["x"]),
        ("pyfixest",), lambda estimate: (estimate, None), repeat=1,
    )  # fmt: skip


def polars_reading() -> Work:
    """polars, streaming."""
    from speed.tasks_ours import reading_by

    return reading_by("by_polars", ("polars",))


def duckdb_reading() -> Work:
    """duckdb."""
    from speed.tasks_ours import reading_by

    return reading_by("by_duckdb", ("duckdb",))


def import_pymc() -> Work:
    """A new Python that imports PyMC."""
    return _import("pymc")


def import_bambi() -> Work:
    """A new Python that imports Bambi."""
    return _import("bambi")


def import_pyfixest() -> Work:
    """A new Python that imports pyfixest."""
    return _import("pyfixest")


def python_alone() -> Work:
    """A new Python that does nothing."""
    from speed.tasks_ours import started

    return started([sys.executable, "-c", "pass"], ())


def _import(package: str) -> Work:
    from speed.tasks_ours import started

    return started([sys.executable, "-W", "ignore", "-c", f"import {package}"], (package,))


def _nine() -> Any:
    from speed import panels

    return panels.frame_of(panels.analysis(*panels.NINE))


def _bambi(frame: Any) -> Work:
    import arviz

    def tell(tree: Any) -> tuple[float, float]:
        effect = tree["posterior"]["treated"].to_numpy()
        return float(effect.mean()), float(arviz.ess(effect))

    return Work(lambda: _by_bambi(frame), ("bambi", "pymc"), tell, repeat=1)


def _by_bambi(frame: Any) -> Any:
    import bambi

    formula = "y ~ 1 + treated + C(period) + (1|unit) + (0 + treated|unit)"
    return bambi.Model(formula, frame).fit(random_seed=1, progressbar=False, cores=1, chains=4)


def _exported() -> str:
    """The panel of nine, written for an environment that cannot make it."""
    import os

    return os.environ["BENCH_NINE"]
