"""Which group of high-technology goods is a product of? Definitions by code of the HS, from data/goods.toml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.resources import shipped
from bri_bayes.core.schema import STRICT, read_toml, validated

if TYPE_CHECKING:
    import pandas as pd

# The definition that is taken where none is named.
PAPER_GOODS = "sitc3"
_HEADING, _CODE = 4, 6


@dataclass(frozen=True, config=STRICT)
class GoodsGroup:
    """Headings (four digits) of which every code belongs, and single codes (six digits) of other headings.

    ``codes`` : how many codes of six digits that makes in the edition of 2002, where it was counted.
    """

    whole: tuple[str, ...] = ()
    part: tuple[str, ...] = ()
    codes: int | None = None

    def digits(self) -> Iterator[tuple[str, int]]:
        """Every code that is listed, and how many digits it should have."""
        yield from ((heading, _HEADING) for heading in self.whole)
        yield from ((code, _CODE) for code in self.part)


@dataclass(frozen=True, config=STRICT)
class Goods:
    """A definition of high technology: its groups, each product in one of them at most."""

    label: str
    source: str
    note: str
    groups: Mapping[str, GoodsGroup]

    @model_validator(mode="after")
    def _consistent(self) -> Goods:
        listed = [(name, code, digits) for name, group in self.groups.items() for code, digits in group.digits()]
        headings = Counter(code for _, code, digits in listed if digits == _HEADING)
        codes = Counter(code for _, code, digits in listed if digits == _CODE)
        for name, code, digits in listed:
            if len(code) != digits or not code.isdecimal():
                raise ValueError(f'group {name}: "{code}" does not have {digits} digits')
            if headings[code] + codes[code] + (digits == _CODE) * headings[code[:_HEADING]] > 1:
                raise ValueError(f"group {name}: {code} is listed twice")
        return self

    def group_of(self) -> dict[str, str]:
        """Heading of four digits or code of six -> group."""
        return {code: name for name, group in self.groups.items() for code in (*group.whole, *group.part)}


def product_group(code: str, groups: Mapping[str, str]) -> str | None:
    """The group of a product of six digits (``groups`` : of ``Goods.group_of``); None: no high technology."""
    return groups.get(code) or groups.get(code[:_HEADING])


def load_goods(name: str = PAPER_GOODS, path: Path | None = None) -> Goods:
    """A definition, from the shipped file or ``path``."""
    where = shipped("data") / "goods.toml" if path is None else path
    content = read_toml(where)
    if name not in content:
        raise InputError(f'{where}: there is no definition "{name}" of goods; {suggest(name, content)}')
    return validated(Goods, content[name], where=f"{where}: [{name}]")


def sums_by_group(flows: pd.DataFrame, goods: Goods) -> pd.DataFrame:
    """Trade in high technology, in sum and by group, in the unit of ``flows`` : a row a unit and period.

    ``flows`` : unit, period, flow, product (six digits), value. Columns hightech_FLOW and hightech_FLOW_GROUP; a unit,
    period and flow with rows but none of a group traded none of it (0), one without any row is missing.
    """
    groups = goods.group_of()
    known = {code: product_group(code, groups) or "" for code in flows["product"].unique()}
    keys = ["unit", "period", "flow"]
    named = flows.assign(group=flows["product"].map(known))
    wide = named.pivot_table(index=keys, columns="group", values="value", aggfunc="sum", observed=True)
    wide = wide.reindex(columns=list(goods.groups)).fillna(0.0)
    wide.insert(0, "", wide.sum(axis=1))
    table = wide.unstack("flow")
    table.columns = ["_".join(part for part in ("hightech", flow, group) if part) for group, flow in table.columns]
    return table
