"""Is a study small enough for its fits? Known from the sizes of its panel, before any step begins."""

from __future__ import annotations

from bri_bayes.core.errors import InputError
from bri_bayes.core.names import PERIOD, UNIT
from bri_bayes.inference.marginal import is_feasible
from bri_bayes.inference.work import MOST_BYTES, expected_work, refuse_long_sampling
from bri_bayes.report.sections.section import Context

# A study makes dozens of fits: none may take longer than this on one idle core.
MOST_SECONDS = 600.0


def refuse_too_much(context: Context) -> None:
    """Refuse a study of which one fit alone would take many minutes or gigabytes, with what would help."""
    for outcome in context.study.outcomes:
        for card in context.cards.values():
            try:
                design = context.analysis(outcome, card).design
            except InputError:  # the step that needs it says so
                continue
            if not is_feasible(design, card):
                refuse_long_sampling(design, card)
                continue
            work = expected_work(design, card, by_cell=False)
            if work.seconds > MOST_SECONDS or work.n_bytes > MOST_BYTES:
                raise InputError(
                    f'one fit of "{outcome}" with the card "{card.name}" on {design.sizes[UNIT]:,} units in '
                    f"{design.sizes[PERIOD]:,} periods would take about {work.seconds / 60:,.0f} minutes and "
                    f"{work.n_bytes / 1e9:,.1f} GB, and a study makes dozens; at most {MOST_SECONDS / 60:.0f} minutes "
                    f"and {MOST_BYTES / 1e9:.1f} GB are allowed: take fewer units or coarser periods, or ask bri-bayes "
                    "estimate, which averages long paths"
                )
