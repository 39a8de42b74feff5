"""Does the answer rest on the last years? The same recipe on samples that end earlier, or later where the file does.

What happens late in a sample to one group (a war, sanctions, a pandemic) is read as an effect of the policy.
"""

from __future__ import annotations

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.data.panel import Panel
from bri_bayes.design.analysis import Analysis

# Samples that end up to three years earlier (2020 for one that ends in 2023) and keep as many years from the onset on.
EARLIER, LEAST_TREATED = 3, 3
# Years after the last one of a study that its file may add.
LATER = 3


def earlier_ends(analysis: Analysis) -> dict[str, Analysis]:
    """The recipe by the last year of its sample, the latest first; an end whose rows do not allow it is left out."""
    years = analysis.panel[PERIOD].to_numpy()
    first = max(analysis.assignment.onsets) + LEAST_TREATED - 1
    ends = sorted((int(year) for year in years[:-1] if year >= first), reverse=True)[:EARLIER]
    return _usable(analysis, analysis.panel, ends)


def later_ends(analysis: Analysis, whole: Panel) -> dict[str, Analysis]:
    """The recipe by years after the study's last one in which the ``whole`` file has treated units and controls."""
    years = analysis.panel[PERIOD].to_numpy()
    longer = whole.sel({PERIOD: whole[PERIOD] >= years[0]})
    seen = longer[str(analysis.card.outcome)].notnull()
    groups = (analysis.assignment.treated_units, analysis.assignment.never_treated)
    both = [seen.sel({UNIT: list(units)}).any(UNIT).to_numpy() for units in groups]
    ends = longer[PERIOD].to_numpy()[both[0] & both[1]]
    return _usable(analysis, longer, [int(year) for year in ends if year > years[-1]][:LATER])


def _usable(analysis: Analysis, panel: Panel, ends: list[int]) -> dict[str, Analysis]:
    recipes = {}
    for last in ends:
        recipe = analysis.replace(panel=panel.sel({PERIOD: panel[PERIOD] <= last}))
        try:
            _ = recipe.design
        except InputError:
            continue
        recipes[str(last)] = recipe
    return recipes
