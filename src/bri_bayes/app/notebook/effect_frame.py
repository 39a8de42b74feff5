"""Which rows has ``to_frame``? The average effect, or one a unit, event time, period, cell, or cohort and time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, get_args

from bri_bayes.app.notebook.answer import Answer, By
from bri_bayes.core.effect import Effect
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.names import TREATED_UNIT
from bri_bayes.data.panel import period_labels
from bri_bayes.estimands.linear import Averages, effects_by, effects_by_cell, effects_by_cohort

if TYPE_CHECKING:
    import pandas as pd

# Treated units whose effects are computed beside those by event time, whether they are asked for or not.
MOST_TOGETHER = 300


def effect_frame(result: Answer, by: By | None, together: Callable[[], Averages]) -> pd.DataFrame:
    """Effects as a data frame; ``together`` gives those by unit, event time and period at once."""
    import pandas as pd

    labels = period_labels(result.analysis.panel)
    rows: dict[Any, Effect]
    match by:
        case None:
            rows, names = {"att": result.effect}, ["effect"]
        case "unit" | "event_time" | "period":
            few = result.design.sizes[TREATED_UNIT] <= MOST_TOGETHER
            of = together().by[by] if few else effects_by(result.fit, by)
            shown: dict[str, Callable[[str], Any]] = {
                "unit": str,
                "event_time": int,
                "period": lambda k: labels[int(k)],
            }
            rows, names = {shown[by](key): effect for key, effect in of.items()}, [by]
        case "cell":
            cells = effects_by_cell(result.fit)
            rows = {(u, labels[int(t)]): effect for u, by_time in cells.items() for t, effect in by_time.items()}
            names = ["unit", "period"]
        case "cohort":
            rows = {(labels[first], time): v for (first, time), v in effects_by_cohort(result.fit).items()}
            names = ["cohort", "event_time"]
        case _:
            raise InputError(f'effects cannot be averaged by "{by}"; {suggest(str(by), get_args(By))}')
    several = len(names) > 1
    index = pd.MultiIndex.from_tuples(list(rows), names=names) if several else pd.Index(list(rows), name=names[0])
    return pd.DataFrame([effect.as_dict() for effect in rows.values()], index=index)
