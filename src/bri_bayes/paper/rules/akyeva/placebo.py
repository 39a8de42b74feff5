"""Can the placebo tests show what the text says they show?"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

from bri_bayes.paper.finding import Finding
from bri_bayes.paper.records import Cell
from bri_bayes.paper.rules.akyeva.basis import BRI, fake_onsets, headlines, onset, post_share
from bri_bayes.paper.rules.basis import Z_90, Z_95, countries, labels, same_rows, t_of, two_sided
from bri_bayes.paper.tables import Published, Regression

# A placebo estimate above this share of the effect does not show that there would be none without the policy.
LARGEST_SHARE = 0.5
# Replacing one dummy by another can change the standard errors of the other regressors somewhat, not by half.
MOST_CHANGED = 1.5
# What is left of an exact zero in floats.
ROUNDING = 1e-9


def _pairs(published: Published) -> list[tuple[Regression, Cell, Regression, Cell]]:
    """Each headline column with its BRI cell, and each of its placebo columns with theirs."""
    return [
        (main, published.cell(*main.key, BRI), fake, published.cell(*fake.key, BRI))
        for main in headlines(published)
        for fake in fake_onsets(published, main.outcome)
    ]


def placebo_size(published: Published) -> Iterator[Finding]:
    """How large are the placebo estimates beside the effect that they are to rule out?

    The ratio of the two estimates of one outcome. An estimate is ruled out by its size, not by a wide standard error.
    """
    shares = {
        fake: (main_cell, fake.estimate.value / main_cell.estimate.value) for _, main_cell, _, fake in _pairs(published)
    }
    large = {cell: pair for cell, pair in shares.items() if abs(pair[1]) > LARGEST_SHARE}
    if not large:
        return
    sentence = ", ".join(f"{share:.0%} in {cell.label}" for cell, (_, share) in large.items())
    yield Finding(
        id="placebo-size",
        severity="implausible",
        claim="Fake onsets have no effect, which proves the result robust (section 4(3)).",
        finding=f"The placebo estimates are {sentence} of the effect: they differ from it in their standard "
        "errors, not in their size.",
        cells=labels(each for cell, (main_cell, _) in large.items() for each in (main_cell, cell)),
        computed={cell.label: share for cell, (_, share) in shares.items()},
    )


def placebo_significance(published: Published) -> Iterator[Finding]:
    """Is every placebo estimate insignificant, as the text says, by its own standard error and by the main one?

    |t| > 1.64 with the printed standard error contradicts the text. With the standard error of the headline column the
    same estimate may be significant: then the sentence rests on the change of estimator (placebo_standard_errors).
    """
    pairs = _pairs(published)
    significant_alone = [fake for _, _, _, fake in pairs if t_of(fake).low > Z_90]
    if significant_alone:
        yield Finding(
            id="placebo-significance",
            severity="contradiction",
            claim="The estimates with fake onsets are all insignificant (section 4(3)).",
            finding=f"{significant_alone[0].label} has t = {significant_alone[0].t:.2f}.",
            cells=labels(significant_alone),
            computed={cell.label: cell.t for cell in significant_alone},
        )
    swapped = {
        fake: fake.estimate.value / own_cell.se.value
        for main, own_cell, column, fake in pairs
        if same_rows(published, main, column)
    }
    significant = {cell: t for cell, t in swapped.items() if abs(t) > Z_95 and cell not in significant_alone}
    if significant:
        yield Finding(
            id="placebo-under-main-errors",
            severity="implausible",
            claim="The estimates with fake onsets are all insignificant (section 4(3)).",
            finding=f"With the standard errors of the headline columns {len(significant)} of {len(swapped)} have "
            f"|t| above 1.96 ({', '.join(f'{t:.1f}' for t in significant.values())}): they are insignificant "
            f"because Table {pairs[0][3].table} has larger standard errors.",
            cells=labels(significant),
            computed={cell.label: {"t_printed": cell.t, "t": t} for cell, t in swapped.items()},
        )


def placebo_overlap(published: Published) -> Iterator[Finding]:
    """What would a true effect give in a placebo regression that keeps the treated years?

    Dummies of one group from year k and from the true onset, country and year effects taken out: with shares s' of
    years from k and s from the onset, an effect tau from the onset on gives the placebo coefficient
    tau s (1 - s') / (s' (1 - s')) = tau s / s' for k before the onset, covariates aside. A placebo in time drops the
    treated years.
    """
    start = onset(published)
    share = post_share(published, start)
    expected: dict[str, dict[str, float]] = {}
    cells: list[Cell] = []
    for main, main_cell, fake, cell in _pairs(published):
        if same_rows(published, main, fake) and fake.onset is not None and fake.onset < start:
            weight = share / post_share(published, fake.onset)
            expected[cell.label] = {
                "weight": weight,
                "expected": main_cell.estimate.value * weight,
                "printed": cell.estimate.value,
            }
            cells.append(cell)
    if not expected:
        return
    sentence = ", ".join(f"{row['expected']:.3f} (printed {row['printed']:g})" for row in expected.values())
    yield Finding(
        id="placebo-overlap",
        severity="implausible",
        claim="Estimates near zero with fake onsets would show that nothing happened before the policy.",
        finding="The placebo columns keep every row, the treated years among them, so a true effect from "
        f"{start} on would itself give {sentence}: the test cannot tell an effect from its absence.",
        cells=labels(cells),
        computed=expected,
    )


def placebo_groups(published: Published) -> Iterator[Finding]:
    """Can that many fake groups be drawn, and from whom?

    Groups of k from n countries: C = C(n, k). With every assignment drawn once the smallest p-value is 1 / C; m draws
    with replacement show C (1 - (1 - 1 / C)^m) different ones, and the true group m / C times.
    """
    size = int(published.statement("placebo_group_size").value)
    draws = int(published.statement("placebo_draws").value)
    pool = len(published.statement("placebo_pool").words)
    all_groups = comb(countries(published), size)
    if comb(pool, size) == 0:
        yield Finding(
            id="placebo-group-size",
            severity="contradiction",
            claim="Fake groups are drawn from countries without the event (section 3(1)) and are as large as the "
            "treated group (section 4(3)).",
            finding=f"{pool} countries are without the event and the treated group has {size}, so there is no "
            "such fake group.",
            cells=("section 3(1)", "section 4(3)"),
            computed={"pool": pool, "size": size, "groups": comb(pool, size)},
        )
    if draws > all_groups:
        distinct = all_groups * (1 - (1 - 1 / all_groups) ** draws)
        yield Finding(
            id="placebo-draws",
            severity="implausible",
            claim=f"{draws} random fake groups (section 4(3)).",
            finding=f"{countries(published)} countries have only {all_groups} groups of {size}: {draws} draws "
            f"repeat about {distinct:.0f} of them, the true one about {draws / all_groups:.0f} times, and no "
            f"p-value can be below {1 / all_groups:.4f}.",
            cells=("section 4(3)",),
            computed={
                "groups": all_groups,
                "draws": draws,
                "distinct_expected": distinct,
                "true_group_expected": draws / all_groups,
                "smallest_p": 1 / all_groups,
            },
        )


def placebo_mean(published: Published) -> Iterator[Finding]:
    """Is the mean of the fake groups evidence?

    Without covariates the estimate of a group S of k among n countries is mean(d_i, i in S) - mean(d_i, i not in S),
    d_i the change of country i. Over all groups country i enters with C(n-1, k-1) / k - C(n-1, k) / (n - k), which is
    zero: the mean is zero whatever the d_i, with an effect or without.
    """
    size, n = int(published.statement("placebo_group_size").value), countries(published)
    statement = published.statements.get("placebo_mean_zero")
    weight = comb(n - 1, size - 1) / size - comb(n - 1, size) / (n - size) if n > size else float("nan")
    if statement is None or not abs(weight) < ROUNDING:
        return
    yield Finding(
        id="placebo-mean",
        severity="implausible",
        claim=f"The estimates of the fake groups have a mean near 0, so the result is not chance (section "
        f"{statement.section}).",
        finding="Over all fake groups the mean is 0 by arithmetic, with an effect or without; evidence is how "
        "many of them are as large as the estimate, which is not printed.",
        cells=(f"section {statement.section}",),
        computed={"weight_of_each_country": weight, "groups": comb(n, size)},
    )


def claim_under_placebo_errors(published: Published) -> Iterator[Finding]:
    """Does the main effect survive the standard errors that the paper itself prints for the placebos?

    The estimate over the standard error of the BRI dummy in the placebo column nearest in time.
    """
    rows: dict[str, dict[str, float]] = {}
    cells: list[Cell] = []
    for main in headlines(published):
        fakes = [fake for column, fake in _main_and_fake(published) if column is main]
        if not fakes:
            continue
        nearest = max(fakes, key=lambda fake: fake.onset or 0)
        main_cell, fake = published.cell(*main.key, "BRI"), published.cell(*nearest.key, "BRI")
        t = main_cell.estimate.value / fake.se.value
        rows[main_cell.label] = {"t_printed": main_cell.t, "t": t, "p_normal": two_sided(t)}
        cells += [main_cell, fake]
    if not any(abs(row["t"]) < Z_95 <= abs(row["t_printed"]) for row in rows.values()):
        return
    sentence = "; ".join(f"{label} {row['t_printed']:.2f} becomes {row['t']:.2f}" for label, row in rows.items())
    yield Finding(
        id="claim-under-placebo-errors",
        severity="implausible",
        claim="Exports and imports both rise significantly.",
        finding=f"With the standard error that the nearest placebo column has for its dummy the t of {sentence}; "
        "the claim rests on which estimator is believed.",
        cells=labels(cells),
        computed=rows,
    )


def placebo_standard_errors(published: Published) -> Iterator[Finding]:
    """Do the placebo columns have the precision of the main column?

    They replace one dummy and keep outcome, covariates, effects and rows. The standard errors of the covariates would
    move with s and with the dummy's collinearity alone.
    """
    ratios: dict[Cell, float] = {}
    for main, fake in _main_and_fake(published):
        for name in main.variables:
            main_cell, cell = published.cell(*main.key, name), published.cell(*fake.key, name)
            ratios[cell] = cell.se.value / main_cell.se.value
    if not ratios or max(ratios.values()) <= MOST_CHANGED:
        return
    large = {cell: ratio for cell, ratio in ratios.items() if ratio > MOST_CHANGED}
    yield Finding(
        id="placebo-standard-errors",
        severity="implausible",
        claim="The placebo regressions have the covariates, effects and rows of the main ones.",
        finding=f"{len(large)} of the {len(ratios)} standard errors of the placebo columns are "
        f"{min(large.values()):.1f} to {max(large.values()):.1f} times those of the main columns: another variance "
        "estimator, for the placebos alone.",
        cells=labels(large),
        computed={cell.label: ratio for cell, ratio in ratios.items()},
    )


def _main_and_fake(published: Published) -> Iterator[tuple[Regression, Regression]]:
    """The headline column of an outcome with each of its placebo columns on the same rows."""
    for main in headlines(published):
        for fake in fake_onsets(published, main.outcome):
            if same_rows(published, main, fake) and set(main.variables) == set(fake.variables):
                yield main, fake
