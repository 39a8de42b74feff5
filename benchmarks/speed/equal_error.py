"""How much processor time for the same squared error? The closed form against NUTS, over seeds.

The error of an answer is its distance from the reference, in posterior sds, and the reference the closed form with
sixty-four times the points. Over seeds it has a mean square m. An average of n answers that cost c each and are
independent has m / n, so the time for one squared error is c m, whatever the error is, and the ratio of c m the speed.
NUTS is nutpie on the model compiled once; the pooled draws of all its seeds check the reference, which is ours.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass

import numpy as np

from bri_bayes.core.effect import TAILS, Effect
from bri_bayes.design.analysis import Analysis
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.nuts import compiled_model
from bri_bayes.models.linear import build_linear
from speed import panels
from speed.cost import processor_seconds
from speed.tasks_pymc import att_draws, sample

SEEDS, REFERENCE_POINTS = 30, 1 << 17


@dataclass(frozen=True)
class EqualError:
    """CPU seconds of one answer, root mean square errors of mean and lower end in posterior sds, and the two ratios.

    ``pooled`` : how far the mean of all of NUTS is from the reference, in its own standard errors.
    """

    seeds: int
    ours: float
    theirs: float
    our_mean: float
    our_lower: float
    their_mean: float
    their_lower: float
    pooled: float

    @property
    def ratio_mean(self) -> float:
        """Of the time for one squared error of the mean."""
        return self.theirs * self.their_mean**2 / (self.ours * self.our_mean**2)

    @property
    def ratio_lower(self) -> float:
        """Of the time for one squared error of the 2.5% end."""
        return self.theirs * self.their_lower**2 / (self.ours * self.our_lower**2)


def equal_error(seeds: int) -> EqualError:
    """Both, with the default card on nine units and 21 periods."""
    recipe = panels.analysis(*panels.NINE)
    reference = _closed(recipe, 10_000, REFERENCE_POINTS)
    ours, our_seconds = _errors(lambda seed: _closed(recipe, seed), seeds, reference)
    import nutpie

    compiled = compiled_model(build_linear(recipe.design, recipe.card))

    def by_nuts(seed: int) -> tuple[float, float]:
        draws = att_draws(recipe, sample(nutpie, compiled, seed))
        return float(draws.mean()), float(np.quantile(draws, TAILS[0]))

    by_nuts(seeds)
    theirs, their_seconds = _errors(by_nuts, seeds, reference)
    root = [np.sqrt((errors**2).mean(axis=0)) for errors in (ours, theirs)]
    pooled = theirs[:, 0].mean() / (theirs[:, 0].std(ddof=1) / np.sqrt(seeds))
    return EqualError(seeds, our_seconds, their_seconds, *map(float, (*root[0], *root[1], pooled)))


def _closed(recipe: Analysis, seed: int, points: int | None = None) -> Effect:
    card = recipe.card
    if points is not None:
        card = dataclasses.replace(card, sampler=dataclasses.replace(card.sampler, proposals=points))
    return att_posterior(recipe.design, card, seed).effect


def _errors(answer, seeds: int, reference: Effect) -> tuple[np.ndarray, float]:
    """Errors (seed, 2) of the mean and the lower end in posterior sds, and CPU seconds an answer."""
    started = processor_seconds()
    answers = [answer(seed) for seed in range(seeds)]
    seconds = (processor_seconds() - started) / seeds
    ends = [(some.mean, some.lower) if isinstance(some, Effect) else some for some in answers]
    return (np.array(ends) - [reference.mean, reference.lower]) / reference.sd, seconds


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(equal_error(int(sys.argv[1])))))
