"""Which regressors does a list of covariates mean? A small grammar over the columns of a CSV file.

    covariate = factor, or factors with "*" between them
    factor    = NAME | log(NAME) | NAME^K (K = 2, 3, ...) | NAME==VALUE (1 where it holds, else 0)

A column of words stands for one 0/1 regressor a level, without the first in alphabetical order: ``race[hispan]``. A
product with such a column has one regressor a level, too. A name that is a column as it stands is that column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.errors import InputError, suggest

# What a file may write for a number that is missing is decided by ``table_column``.
Column = NDArray[np.float64] | NDArray[np.object_]
Regressors = dict[str, NDArray[np.float64]]

_LOG = re.compile(r"log\(\s*(.+?)\s*\)")
_POWER = re.compile(r"(.+?)\s*\^\s*([0-9]+)")
_EQUALS = re.compile(r"(.+?)\s*==\s*(.+)")
MOST_LEVELS = 50


def names_in(covariates: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns that the covariates are made of, each once, in order; one that does not exist is refused."""
    names: dict[str, None] = {}
    for covariate in covariates:
        for factor in _factors(covariate, columns):
            name = _parsed(factor, columns)[0]
            if name not in columns:
                raise InputError(
                    f'there is no column "{name}" (in the covariate "{covariate}"); {suggest(name, columns)}'
                )
            names[name] = None
    return tuple(names)


def regressors(covariates: Sequence[str], columns: Mapping[str, Column], *, every_level: bool = False) -> Regressors:
    """The regressors (rows,) of each covariate, by name. ``columns`` : numbers, or words as objects.

    ``every_level`` keeps the first level of words, too: for a table of balance, not for a regression.
    """
    made: Regressors = {}
    for covariate in covariates:
        product: Regressors = {"": np.ones(len(next(iter(columns.values()))))}
        for factor in _factors(covariate, list(columns)):
            parts = _factor(factor, columns, every_level=every_level)
            with np.errstate(over="ignore", invalid="ignore"):
                product = {
                    f"{before}*{name}" if before else name: so_far * values
                    for before, so_far in product.items()
                    for name, values in parts.items()
                }
        for name, values in product.items():
            if not np.isfinite(values).all():
                raise InputError(f'the covariate "{name}" is too large for a number of the machine in some rows')
            if name in made:
                raise InputError(f'the covariate "{name}" is given twice')
            made[name] = values
    return made


def _factors(covariate: str, columns: Sequence[str]) -> list[str]:
    if covariate in columns:
        return [covariate]
    factors = [
        factor.strip().removeprefix("(").removesuffix(")") if "==" in factor else factor.strip()
        for factor in covariate.split("*")
    ]
    if not all(factors):
        raise InputError(f'the covariate "{covariate}" is not a column, log(X), X^2, X==V or a product of these with *')
    return factors


def _parsed(factor: str, columns: Sequence[str]) -> tuple[str, str, str]:
    """Column, what is done to it ("", "log", "power", "equals"), and with what."""
    if factor in columns:
        return factor, "", ""
    if match := _LOG.fullmatch(factor):
        return match[1], "log", ""
    if match := _EQUALS.fullmatch(factor):
        return match[1], "equals", match[2]
    if match := _POWER.fullmatch(factor):
        return match[1], "power", match[2]
    return factor, "", ""


def _factor(factor: str, columns: Mapping[str, Column], *, every_level: bool) -> Regressors:
    name, action, argument = _parsed(factor, list(columns))
    values = columns[name]
    if action == "equals":
        return {f"{name}=={argument}": _equal(name, values, argument)}
    if values.dtype == object:
        if action:
            raise InputError(f'the column "{name}" has words: "{factor}" needs numbers')
        return _levels(name, values, every_level=every_level)
    numbers = np.asarray(values, dtype=float)
    if action == "log":
        if (numbers <= 0).any():
            raise InputError(f"log({name}) needs numbers above zero; the smallest is {numbers.min():g}")
        return {f"log({name})": np.log(numbers)}
    if action == "power":
        with np.errstate(over="ignore"):
            return {f"{name}^{argument}": numbers ** float(argument[:9])}
    return {name: numbers}


def _levels(name: str, values: Column, *, every_level: bool) -> Regressors:
    levels = sorted({str(value) for value in values})
    if len(levels) > MOST_LEVELS:
        raise InputError(f'the column "{name}" has {len(levels)} different words, and at most {MOST_LEVELS} are levels')
    if len(levels) == 1:
        raise InputError(f'the column "{name}" is "{levels[0]}" in every row: it cannot tell treated from controls')
    return {
        f"{name}[{level}]": np.array([float(value == level) for value in values])
        for level in levels[0 if every_level else 1 :]
    }


def _equal(name: str, values: Column, argument: str) -> NDArray[np.float64]:
    wanted = argument.strip("\"'")
    if values.dtype == object:
        known = sorted({str(value) for value in values})
        if wanted not in known:
            raise InputError(f'the column "{name}" is never "{wanted}"; {suggest(wanted, known)}')
        return np.array([float(value == wanted) for value in values])
    try:
        number = float(wanted)
    except ValueError:
        raise InputError(f'the column "{name}" has numbers, and "{wanted}" is none') from None
    return np.array([float(math.isclose(value, number, rel_tol=1e-12)) for value in values])
