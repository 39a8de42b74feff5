"""The table of growth: an exponent is that of a power, and a size that the program refuses is not measured."""

from __future__ import annotations

import growth
import pytest


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_an_exponent_is_that_of_the_power_between_the_two_largest_sizes_that_were_run(power: float) -> None:
    sizes = [9, 30, 100, 300]
    figures: list[dict[str, float | str]] = [{"seconds": 1e-6 * n**power, "mb": 300.0} for n in sizes[:3]]
    assert float(growth.exponent(sizes, [*figures, {"refused": "too much"}])) == pytest.approx(power, abs=0.005)


def test_a_size_without_a_short_route_is_refused_and_a_small_one_costs_something() -> None:
    assert "NUTS, " in str(growth.measured("did_scale_by_unit", 60, 8)["refused"])
    assert "are allowed: name fewer units" in str(growth.measured("did_shared", 3000, 20)["refused"])
    small = growth.measured("twfe", 9, 8)
    assert 0 < float(small["seconds"]) < 1
    assert float(small["mb"]) > 50


def test_the_table_has_a_row_for_every_sweep_and_says_what_was_refused() -> None:
    row = growth.in_a_row("did", "units", ((9, 20), (30, 20), (100, 20)), [
        {"seconds": 1.0, "mb": 300.0}, {"seconds": 2.0, "mb": 310.0}, {"refused": "no closed form: NUTS, 3 minutes"},
    ])  # fmt: skip
    assert row.startswith("| did | units | 9: 1, 300 | 30: 2, 310 | 100: NUTS |")
    page = growth.PAGE.read_text(encoding="utf-8").split(growth.MARKS[0])[1].split(growth.MARKS[1])[0]
    assert [line.split(" | ")[0].strip("| ") for line in page.splitlines() if line.startswith("| ")][1:] == list(
        growth.SWEEPS
    )
