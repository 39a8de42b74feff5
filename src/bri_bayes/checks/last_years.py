"""Does the answer rest on the last years? The same recipe on samples that end earlier.

What happens late in a sample to one group (a war, sanctions, a pandemic) is read as an effect of the policy.
"""

from __future__ import annotations

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD
from bri_bayes.design.analysis import Analysis

# Samples that end up to three years earlier (2020 for one that ends in 2023) and keep as many years from the onset on.
EARLIER, LEAST_TREATED = 3, 3


def earlier_ends(analysis: Analysis) -> dict[str, Analysis]:
    """The recipe by the last year of its sample, the latest first; an end whose rows do not allow it is left out."""
    years = analysis.panel[PERIOD].to_numpy()
    first = max(analysis.assignment.onsets) + LEAST_TREATED - 1
    recipes = {}
    for last in sorted((int(year) for year in years[:-1] if year >= first), reverse=True)[:EARLIER]:
        recipe = analysis.replace(panel=analysis.panel.sel({PERIOD: years[years <= last]}))
        try:
            _ = recipe.design
        except InputError:
            continue
        recipes[str(last)] = recipe
    return recipes
