"""Who was treated, and from when on?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bri_bayes.core.errors import InputError, suggest


@dataclass(frozen=True)
class Assignment:
    """First treated period of each unit; ``None`` for a never-treated unit (the control pool).

    Every method returns a new assignment: a placebo is a changed assignment, not another model.
    """

    first_treated: Mapping[str, int | None]

    def __post_init__(self) -> None:
        frozen = {str(unit): None if first is None else int(first) for unit, first in self.first_treated.items()}
        object.__setattr__(self, "first_treated", MappingProxyType(frozen))

    def __reduce__(self) -> tuple[type[Assignment], tuple[dict[str, int | None]]]:
        return (type(self), (dict(self.first_treated),))

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.first_treated.items(), key=lambda item: item[0])))

    @property
    def units(self) -> tuple[str, ...]:
        """All units, treated and never treated, in the order in which they were given."""
        return tuple(self.first_treated)

    @property
    def treated_units(self) -> tuple[str, ...]:
        """Units with an onset."""
        return tuple(unit for unit, first in self.first_treated.items() if first is not None)

    @property
    def never_treated(self) -> tuple[str, ...]:
        """Units without an onset: the control pool."""
        return tuple(unit for unit, first in self.first_treated.items() if first is None)

    @property
    def onsets(self) -> tuple[int, ...]:
        """The distinct onsets, in order."""
        return tuple(sorted({first for first in self.first_treated.values() if first is not None}))

    def shift(self, years: int) -> Assignment:
        """Move every onset by ``years`` (a placebo in time)."""
        return Assignment(
            {unit: None if first is None else first + years for unit, first in self.first_treated.items()}
        )

    def swap(self, treated: Iterable[str], onset: int) -> Assignment:
        """Treat exactly the units in ``treated`` from ``onset`` on (a placebo in space)."""
        chosen = self._known(treated)
        return Assignment({unit: onset if unit in chosen else None for unit in self.first_treated})

    def drop(self, units: Iterable[str]) -> Assignment:
        """Leave the units out of the comparison."""
        gone = self._known(units)
        return Assignment({unit: first for unit, first in self.first_treated.items() if unit not in gone})

    def restrict(self, units: Iterable[str]) -> Assignment:
        """Keep only the units, in the order of this assignment."""
        kept = self._known(units)
        return Assignment({unit: first for unit, first in self.first_treated.items() if unit in kept})

    def _known(self, units: Iterable[str]) -> set[str]:
        given = [units] if isinstance(units, str) else list(units)
        for unit in given:
            if unit not in self.first_treated:
                raise InputError(f'unit "{unit}" is not in the assignment; {suggest(unit, self.first_treated)}')
        return set(given)
