"""Do the means, biases and p-values of Table 2 agree with each other and with the sample?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.intervals import Interval, common
from bri_bayes.paper.printed import Printed
from bri_bayes.paper.rules.basis import two_sided
from bri_bayes.paper.tables import Published

# The levels of the legend under Table 2.
LEVELS = (0.1, 0.05, 0.01)


@dataclass(frozen=True)
class _Row:
    name: str
    sample: str
    treated: Printed
    control: Printed
    bias: Printed
    p: Printed
    stars: int

    @property
    def label(self) -> str:
        return f"Table 2 {self.name} {self.sample}"

    @property
    def difference(self) -> Interval:
        """Treated less control mean."""
        return Interval.of(self.treated) - Interval.of(self.control)

    @property
    def bias_in_sd(self) -> Interval:
        """The standardised bias, not in percent."""
        return Interval.of(self.bias) / Interval.of(100.0)

    @property
    def z(self) -> Interval:
        """The absolute statistic behind the p-value, in many degrees of freedom."""
        low, high = (NormalDist().inv_cdf(1 - p / 2) for p in reversed(self.p.interval))
        return Interval(low, high)


def _rows(published: Published) -> Iterator[_Row]:
    for table, name, sample, column in published.descriptives:
        if table == 2 and column == "p_value":
            treated, control, bias = (
                published.descriptive(2, name, key, sample) for key in ("treated_mean", "control_mean", "bias_pct")
            )
            p = published.descriptives[table, name, sample, column]
            yield _Row(name, sample, treated, control, bias, p.number, p.stars)


def balance_sizes(published: Published) -> Iterator[Finding]:
    """Which sample size do bias and p-value of each row imply?

    t = difference / (S sqrt(1/n1 + 1/n0)) and bias d = difference / S, so t / d = sqrt(n1 n0 / (n1 + n0)) whatever the
    variable. Rows of one sample share it. (With unequal variances, Welch, t / d lies between sqrt(min(n1, n0) / 2) and
    sqrt(max(n1, n0) / 2).)
    """
    sizes: dict[str, dict[str, Interval]] = {}
    for row in _rows(published):
        ratio = row.z / row.bias_in_sd.magnitude
        sizes.setdefault(row.sample, {})[row.name] = ratio.squared
    disagreeing = {sample: by_row for sample, by_row in sizes.items() if common(by_row.values()) is None}
    if not disagreeing:
        return
    middles = {sample: [f"{size.middle:.0f}" for size in by_row.values()] for sample, by_row in disagreeing.items()}
    sentence = "; ".join(f"{sample} matching {', '.join(numbers)}" for sample, numbers in middles.items())
    yield Finding(
        id="balance-sizes",
        severity="implausible",
        claim="Table 2 tests three variables on one sample before matching and one after.",
        finding=f"Bias and p-value of a row imply n1 n0 / (n1 + n0), one number a sample; they give {sentence}: "
        "the rows do not rest on one sample, or the tests are others.",
        cells=tuple(f"Table 2 {name} {sample}" for sample, by_row in disagreeing.items() for name in by_row),
        computed={
            s: {name: [size.low, size.high] for name, size in by_row.items()} for s, by_row in disagreeing.items()
        },
    )


def balance_of_the_countries(published: Published) -> Iterator[Finding]:
    """Could the stated countries and years give these p-values?

    n1 and n0 country-years before the policy. The greatest t that bias d can have is d sqrt(max(n1, n0) / 2) (Welch,
    all the variance in the larger group); its p-value is the smallest possible.
    """
    span = int(published.statement("last_pre_year").value - published.statement("first_pre_year").value) + 1
    n = [int(published.statement(f"{group}_countries").value) * span for group in ("treated", "control")]
    least = {
        row: two_sided(row.bias_in_sd.magnitude.high * math.sqrt(max(n) / 2))
        for row in _rows(published)
        if row.sample == "before"
    }
    wrong = {row: p for row, p in least.items() if row.p.interval[1] < p}
    if not wrong:
        return
    sentence = ", ".join(f"{row.name} {row.p} (at least {p:.2f})" for row, p in wrong.items())
    yield Finding(
        id="balance-of-the-countries",
        severity="contradiction",
        claim=f"Table 2 compares treated and control countries over {span} years before the policy.",
        finding=f"With {n[0]} and {n[1]} country-years the printed biases cannot have the printed p-values: "
        f"{sentence}.",
        cells=tuple(row.label for row in wrong),
        computed={row.label: {"printed": row.p.value, "least": p} for row, p in wrong.items()},
    )


def balance_arithmetic(published: Published) -> Iterator[Finding]:
    """Do sign of the bias, reduction of the bias and stars follow from the other columns?

    Bias has the sign of treated less control mean; reduction is 100 (|before| - |after|) / |before|; stars follow p.
    """
    rows = {(row.name, row.sample): row for row in _rows(published)}
    wrong: dict[str, str] = {}
    for (name, sample), row in rows.items():
        if row.difference.low * row.bias.value < 0 and row.difference.high * row.bias.value < 0:
            wrong[row.label] = f"the bias {row.bias} has not the sign of {row.treated} - {row.control}"
        if sum(row.p.value < level for level in LEVELS) != row.stars:
            wrong[row.label] = f"p = {row.p} has {row.stars} stars"
        if sample == "after" and (name, "before") in rows:
            before = Interval.of(rows[name, "before"].bias).magnitude
            reduction = Interval.of(100.0) * (before - Interval.of(row.bias).magnitude) / before
            printed = published.descriptive(2, name, "reduction_pct", "after")
            if not reduction.meets(Interval.of(printed)):
                wrong[row.label] = f"the reduction is {reduction.middle:.1f}% and not {printed}%"
    for label, sentence in wrong.items():
        yield Finding(
            id="balance-arithmetic",
            severity="contradiction",
            claim="The columns of Table 2 follow from each other by the formulas in its note.",
            finding=f"{label}: {sentence}.",
            cells=(label,),
        )


def balance_spread(published: Published) -> Iterator[Finding]:
    """Which standard deviations do means and biases imply?

    bias / 100 = (mean difference) / S, so S = difference / (bias / 100). For the logarithm of exports it is compared
    with real trade (facts.csv).
    """
    fact = published.facts.get("sd_lnexport")
    for row in _rows(published):
        if fact is None or row.name != "export_size_log" or row.sample != "before":
            continue
        spread = (row.difference / row.bias_in_sd).magnitude
        if spread.low > fact.high:
            yield Finding(
                id="balance-spread",
                severity="implausible",
                claim=f"Log exports have means {row.treated} and {row.control} and a bias of {row.bias}%.",
                finding=f"Log exports have a standard deviation of {spread.middle:.2f} in Table 2; over all "
                f"partners of China it is {fact.high:g}, over the countries of the paper {fact.low:g}.",
                cells=(row.label,),
                computed={"sd": [spread.low, spread.high], "sd_real": [fact.low, fact.high], "source": fact.source},
            )


def treated_means_that_move(published: Published) -> Iterator[Finding]:
    """Does matching change the treated group in one variable and not in another?

    Matching for the effect on the treated keeps the treated units, so their means stay, or drops those off the common
    support, and then the means of all variables move, unless by chance one does not at the printed digits.
    """
    rows = {(row.name, row.sample): row for row in _rows(published)}
    moved: dict[str, list[float]] = {}
    still: dict[str, list[float]] = {}
    for (name, sample), row in rows.items():
        if sample == "before" and (name, "after") in rows:
            after = rows[name, "after"].treated
            (still if after.exact == row.treated.exact else moved)[name] = [row.treated.value, after.value]
    if not moved or not still:
        return
    yield Finding(
        id="treated-means-that-move",
        severity="unclear",
        claim="Matching finds counterparts for the treated countries.",
        finding=f"The treated mean of {' and '.join(moved)} changes and that of {' and '.join(still)} does not, "
        "to the third decimal: which treated rows were dropped would settle it.",
        cells=tuple(f"Table 2 {name} treated_mean" for name in (*moved, *still)),
        computed={**moved, **still},
    )
