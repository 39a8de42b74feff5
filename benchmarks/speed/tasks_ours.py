"""What this project does in each comparison."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np

from bri_bayes.design.analysis import Analysis
from speed import panels
from speed.cost import Work

PACKAGES = ("numpy", "scipy")


def _posterior(recipe: Analysis, repeat: int = 5) -> Work:
    """A fit with its draws; the effective number is that of the importance sample."""
    from bri_bayes.estimands.linear import att_effect
    from bri_bayes.inference import fit

    recipe.design  # noqa: B018 - built before the clock starts, as a peer's model is
    call = partial(fit, recipe, engine="marginal", pointwise=False)
    return Work(call, PACKAGES, lambda done: (att_effect(done).mean, done.diagnostics["ess"]), repeat)


def nine_by_21() -> Work:
    """The default card."""
    return _posterior(panels.analysis(*panels.NINE), 15)


def nine_by_21_iid() -> Work:
    """Independent errors; effects by country and year, of which the peers have fewer."""
    return _posterior(panels.analysis(*panels.NINE, card="did_iid"), 15)


def units_291() -> Work:
    """291 units and 21 periods."""
    return _posterior(panels.analysis(291, 21, 5), 3)


def units_1000() -> Work:
    """1,000 units and 30 periods."""
    return _posterior(panels.analysis(1000, 30, 5), 1)


def shared_shocks() -> Work:
    """196 units and 18 periods in 22 groups that share shocks."""
    from bri_bayes.checks.wide_pool import pool_posterior

    recipe = panels.grouped(196, 18, 5, 22)
    recipe.design  # noqa: B018 - as above
    return Work(lambda: pool_posterior(recipe, 0), PACKAGES, lambda done: (done.effect.mean, done.points.ess), repeat=3)


def att_alone() -> Work:
    """The ATT of the default card from its mixture, as sections report it."""
    from bri_bayes.inference.att import att_posterior

    recipe = panels.analysis(*panels.NINE)
    design = recipe.design
    return Work(
        lambda: att_posterior(design, recipe.card, 0).effect, PACKAGES, lambda effect: (effect.mean, None), repeat=15
    )


def placebos_126() -> Work:
    """Every group of five of nine."""
    from itertools import combinations

    groups = np.zeros((math.comb(9, 5), 9), dtype=bool)
    np.put_along_axis(groups, np.array(list(combinations(range(9), 5))), values=True, axis=1)
    return _placebos(panels.analysis(*panels.NINE), groups)


def placebos_500() -> Work:
    """Random groups of five of thirty."""
    return _placebos(panels.analysis(panels.POOL, 21, panels.SIZE), panels.fake_groups())


def _placebos(recipe: Analysis, groups: np.ndarray) -> Work:
    from bri_bayes.inference.assignments import att_of_assignments

    design = recipe.design
    call = partial(att_of_assignments, design, recipe.card, groups, panels.ONSET)
    return Work(call, PACKAGES, lambda many: (float(many["mean"][0]), None), repeat=3)


def control_sets() -> Work:
    """The fifteen sets of four controls."""
    from bri_bayes.checks.control_sets import subsets, with_controls

    recipe = panels.analysis(*panels.NINE)
    chosen = [
        recipe.replace(assignment=with_controls(recipe.assignment, some))
        for some in subsets(recipe.assignment.never_treated)
    ]
    return _refits(chosen, repeat=3)


def curve() -> Work:
    """Ninety-six specifications of the curve, spread over all of them."""
    from bri_bayes.checks.specifications import panels_of, specifications

    recipe = panels.analysis(*panels.NINE)
    every, filled = specifications(recipe, ()), panels_of(recipe, ())
    some = [every[i] for i in np.linspace(0, len(every) - 1, 96).round().astype(int)]
    return _refits([specification.recipe(recipe, filled) for specification in some], repeat=1)


def _refits(recipes: list[Analysis], repeat: int) -> Work:
    from bri_bayes.checks.refits import refit

    def every() -> list[float]:
        return [refit(recipe, 0).att.mean for recipe in recipes]

    return Work(every, PACKAGES, lambda means: (means[-1], None), repeat, first=False)


def twfe() -> Work:
    """The coefficient of two-way fixed effects."""
    from bri_bayes.frequentist.twfe import fit_twfe

    design = panels.analysis(*panels.NINE).design
    return Work(lambda: fit_twfe(design).estimate, PACKAGES, lambda estimate: (estimate, None), repeat=25)


def permutation_test() -> Work:
    """Two-way fixed effects under 1,000 random assignments of thirty units."""
    from bri_bayes.frequentist.resampling import permutation

    design = panels.analysis(panels.POOL, 21, panels.SIZE).design
    call = partial(permutation, design, max_assignments=1, draws=999)
    return Work(call, PACKAGES, lambda test: (test.estimate.estimate, None))


def synthetic_placebos() -> Work:
    """A synthetic control of each of 25 donors from the other 24, with its posterior."""
    from bri_bayes.inference.synthetic import synthetic_controls

    recipe = panels.analysis(panels.POOL, 21, panels.SIZE)
    table = recipe.panel["y"].transpose("unit", "period").to_numpy()[panels.SIZE :]
    periods = recipe.panel["period"].to_numpy()
    call = partial(
        synthetic_controls, table, table, periods, periods < panels.ONSET, closed=np.eye(len(table), dtype=bool)
    )

    def tell(done: Any) -> tuple[float, None]:
        gaps = table[:, periods >= panels.ONSET] - done.path.mean(axis=(1, 2))
        return float(np.sqrt((gaps**2).mean())), None

    return Work(call, PACKAGES, tell, repeat=1)


def million_residuals() -> Work:
    """Quality: residuals of a million rows on product and country effects."""
    from bri_bayes.frequentist.product_quality import estimate_quality

    trade = panels.year_of_trade()
    return Work(lambda: estimate_quality(trade), (*PACKAGES, "pandas"), repeat=3)


def million_slope() -> Work:
    """A slope with two sets of fixed effects on a million rows."""
    from bri_bayes.frequentist.sparse_fixed_effects import SparseEffects

    trade = panels.year_of_trade()
    product, unit = (np.unique(trade[name], return_inverse=True)[1] for name in ("product", "unit"))
    y, x = np.log(trade["value"].to_numpy()), np.log(trade["quantity"].to_numpy())

    def slope() -> float:
        effects = SparseEffects(product, unit)
        within = effects.residuals(x)
        return float(within @ y / (within @ within))

    return Work(slope, PACKAGES, lambda estimate: (estimate, None), repeat=3)


def reading() -> Work:
    """One country's flows of a release of BACI."""
    return reading_by("by_project", ("pyarrow", "pandas"))


def reading_by(engine: str, packages: tuple[str, ...]) -> Work:
    """The same by one of the readers of ``baci_size``."""
    import baci_size

    path = Path(mkdtemp(prefix="bench-")) / "year.csv"
    baci_size.make(path, panels.MILLION, baci_size.SHARE)
    read: Callable[[Path], tuple[int, float]] = getattr(baci_size, engine)
    return Work(lambda: read(path), packages, lambda done: (done[1], None), repeat=3)


def help_page() -> Work:
    """``bri-bayes --help`` in a new process."""
    return started([sys.executable, "-m", "bri_bayes", "--help"], ("typer",))


def started(command: list[str], packages: tuple[str, ...]) -> Work:
    """A command in a new process."""
    return Work(partial(subprocess.run, command, check=True, capture_output=True), packages, repeat=5)


def report_again() -> Work:
    """Figures, tables and pages of the study that the environment's ``BENCH_RUN`` names, from its values.json."""
    import os

    folder = Path(os.environ["BENCH_RUN"])

    def render() -> None:
        (folder / "figures" / "made_from.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "bri_bayes", "report", "--out", str(folder)]
        subprocess.run(command, check=True, capture_output=True)

    return Work(render, ("matplotlib", "jinja2"), repeat=1, first=False)
