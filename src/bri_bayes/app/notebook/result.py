"""What came out of ``did``? One object with tables, prose, pictures, draws, checks, and files."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, overload

import numpy as np

from bri_bayes.app.baseline_note import baseline_notes
from bri_bayes.app.notebook.answer import By
from bri_bayes.app.notebook.maketables import InMaketables
from bri_bayes.app.notebook.wording import compared, effect_in_prose
from bri_bayes.core.effect import Effect
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.json_values import Result
from bri_bayes.data.panel import period_labels
from bri_bayes.design.analysis import Analysis, Fit
from bri_bayes.design.design import Design
from bri_bayes.estimands.first_answer import alternatives, kept_in, what_separates
from bri_bayes.estimands.linear import Averages, att_effect, averages, effect_within
from bri_bayes.study.card_text import assumption
from bri_bayes.study.model_card import ModelCard, load_card

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes

    from bri_bayes.app.notebook.regression_table import Choice
    from bri_bayes.app.notebook.table_text import Format
    from bri_bayes.frequentist import Estimate


@dataclass(frozen=True, eq=False, repr=False)
class DidResult(InMaketables):
    """The answer of ``did``: a fit, and what can be asked of it. ``notes`` : sentences about the data as read."""

    fit: Fit
    notes: tuple[str, ...] = ()
    seed: int = 0
    shown_first: bool = True

    @property
    def analysis(self) -> Analysis:
        """The recipe: panel, assignment, card."""
        return self.fit.analysis

    @property
    def design(self) -> Design:
        """The labelled arrays that the card sees."""
        return self.fit.design

    @property
    def card(self) -> ModelCard:
        """The model card."""
        return self.analysis.card

    @cached_property
    def effect(self) -> Effect:
        """The average effect over treated cells: mean, sd, lower, upper, p_positive."""
        return att_effect(self.fit)

    @cached_property
    def trustworthy(self) -> bool:
        """Whether the diagnostics of the computation are within their limits."""
        from bri_bayes.inference.fitting import is_trustworthy

        return is_trustworthy(self.fit)

    @cached_property
    def alternatives(self) -> dict[str, Effect]:
        """The answers of the assumptions that the card does not make, by card: as ``bri-bayes estimate`` shows them."""
        if not self.shown_first:
            return {}
        answers = alternatives(self.analysis, self.seed)
        return {row["card"]: Effect(**{str(key): value for key, value in row["att"].items()}) for row in answers}

    @cached_property
    def estimates(self) -> list[Estimate]:
        """The rows of least squares and resampling; of the logarithm for a level under a card with a log link."""
        from bri_bayes.frequentist import frequentist_rows
        from bri_bayes.frequentist.level_rows import of_logarithm

        compared = of_logarithm(self.analysis)
        return [] if compared is None else frequentist_rows(compared.design, seed=self.seed)

    @property
    def frequentist(self) -> pd.DataFrame:
        """Least squares under several ways to judge it, and PPML where effects are log points: a row each."""
        import pandas as pd

        from bri_bayes.frequentist.level_rows import ppml_of

        rows = [*self.estimates, *ppml_of(self.analysis, self.seed)]
        return pd.DataFrame([row.as_dict() for row in rows]).set_index(["estimator", "inference"])

    def summary(self) -> pd.DataFrame:
        """The average effect under the card, under the other assumptions, and by least squares."""
        import pandas as pd

        cards = {self.card.name: self.effect, **self.alternatives}
        columns = ["estimate", "sd", "lower", "upper", "p_positive", "p_value"]
        rows: dict[tuple[str, str], list[float | None]] = {}
        for name, effect in cards.items():
            model = self.card if name == self.card.name else load_card(name)
            rows["Bayes", assumption(model)] = [
                effect.mean,
                effect.sd,
                effect.lower,
                effect.upper,
                effect.p_positive,
                None,
            ]
        for row in self.estimates:
            rows[row.estimator, row.inference] = [row.estimate, row.se, row.lower, row.upper, None, row.p_value]
        index = pd.MultiIndex.from_tuples(list(rows), names=["estimator", "inference"])
        return pd.DataFrame(list(rows.values()), index=index, columns=columns).astype(float)

    def effect_summary(self) -> str:
        """The answer in prose: the effect, in percent where the outcome is in logs, and what it assumes."""
        said = [effect_in_prose(self.fit, self.effect), f"The posterior assumes: {assumption(self.card)}."]
        if not self.trustworthy:
            said.append("Its computation did not pass its diagnostics: do not use these numbers.")
        said += what_separates(self.card, self.design, kept_in(self.fit))
        return " ".join([*said, *baseline_notes(self.analysis, self.effect.as_dict()), *self.notes])

    def to_frame(self, by: By | None = None) -> pd.DataFrame:
        """Effects as a data frame: the average, or one row a unit, event time, period, cell, or cohort and time."""
        from bri_bayes.app.notebook.effect_frame import effect_frame

        return effect_frame(self, by, lambda: self._together)

    @cached_property
    def _together(self) -> Averages:
        """Averages by unit, event time and period: one pass over the posterior has all three."""
        return averages(self.fit, ("unit", "event_time", "period"), cells=False)

    def att(self, first: object = None, last: object = None) -> Effect:
        """The average effect over treated cells of a window of periods, as the data write them; None for no end."""
        ordinals = {label: when for when, label in period_labels(self.analysis.panel).items()}
        bounds = []
        for bound, default in ((first, min(ordinals.values())), (last, max(ordinals.values()))):
            if bound is not None and str(bound) not in ordinals:
                raise InputError(f'there is no period "{bound}"; {suggest(str(bound), ordinals)}')
            bounds.append(default if bound is None else ordinals[str(bound)])
        return effect_within(self.fit, *bounds)

    @cached_property
    def idata(self) -> xr.DataTree:
        """Draws for ArviZ: the fit's groups, and prior, prior_predictive and log_prior where the card is normal.

        ``az.summary``, ``az.loo``, ``az.compare``, ``az.plot_*`` and ``az.psense_summary`` take it as it is.
        """
        from bri_bayes.app.notebook.tree import inference_tree

        return inference_tree(self.fit, self.seed)

    @property
    def model(self) -> Any:
        """The PyMC model of the card on this panel: to look at (``pm.model_to_graphviz``), or to change and sample.

        A new model each time it is asked for; ``with_model`` turns a changed one into a result.
        """
        from bri_bayes.models.linear import build_linear

        if self.card.structure != "linear":
            raise InputError(f'the card "{self.card.name}" is not a linear card: its PyMC model is not made here')
        return build_linear(self.design, self.card)

    def check(self, name: str, **options: Any) -> Result:
        """Would the answer survive this question? ``bb.check_names()`` lists the names."""
        from bri_bayes.app.notebook.checks import run_check

        return run_check(self.analysis, name, self.seed, options)

    def compare(self, *others: DidResult | str | ModelCard) -> pd.DataFrame:
        """Leave-one-out scores (``arviz.compare``) of this card against other cards or results on the same rows."""
        from bri_bayes.app.notebook.comparison import compare

        return compare(self._beside(others))

    @overload
    def etable(self, *others: DidResult | str | ModelCard, **choice: Unpack[Choice]) -> pd.DataFrame: ...

    @overload
    def etable(self, *others: DidResult | str | ModelCard, format: Format, **choice: Unpack[Choice]) -> str: ...

    def etable(
        self,
        *others: DidResult | str | ModelCard,
        format: Format | None = None,  # noqa: A002 - as pandas and pyfixest users say it
        **choice: Unpack[Choice],
    ) -> pd.DataFrame | str:
        """A regression table: a column for this result and each other, given as a result or as a card to fit.

        ``names`` : headings of the columns, else what cards are called. ``rows`` : which, in which order, of "outcome",
        "effect", "sd" (in parentheses), "interval", "p_positive", "p_value", "coefficients", "covariates", "errors",
        "shocks", "treated_units", "units", "rows". ``least_squares`` : columns of ``frequentist`` beside, as
        ``[("twfe", "cluster")]``. ``stars`` : one where the 95% interval excludes zero, none by default. ``digits`` :
        decimals. ``format`` : "latex", "md" or "html" gives text, None the data frame.
        """
        from bri_bayes.app.notebook.regression_table import regression_table
        from bri_bayes.app.notebook.table_text import as_text

        table = regression_table(self._beside(others), **choice)
        return table if format is None else as_text(table, format)

    def plot(self, kind: str = "event_study", ax: Axes | None = None) -> Axes:
        """Draw "event_study", "forest", "paths" or "diagnostics" into ``ax``, or into axes of its own; the axes."""
        from bri_bayes.app.notebook.plots import plot

        return plot(self, kind, ax)

    def save(self, path: str | Path) -> Path:
        """Write the result to one file, which ``bb.load_result`` reads; no code is in it."""
        from bri_bayes.app.notebook.files import save

        return save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> DidResult:
        """Read what ``save`` wrote, as ``bb.load_result`` does."""
        return load_result(path)

    def report(self, folder: str | Path, *, quick: bool = False) -> Path:
        """Write a study of this panel and its report into ``folder``; the path of the page."""
        from bri_bayes.app.notebook.study_folder import report

        return report(self, Path(folder), quick=quick)

    def with_card(self, card: str | ModelCard, *, engine: str = "auto") -> DidResult:
        """The same question under another card."""
        from bri_bayes.inference import fit

        base = card if isinstance(card, ModelCard) else load_card(card)
        model = dataclasses.replace(base, outcome=self.card.outcome, covariates=self.card.covariates)
        analysis = self.analysis.replace(card=model)
        return DidResult(fit(analysis, engine=engine, seed=self.seed), self.notes, self.seed, shown_first=False)

    def with_model(self, model: Any, *, seed: int | None = None, progress: bool = False) -> DidResult:
        """The same question under a PyMC model of one's own: ``result.model``, changed, sampled by NUTS.

        It keeps the variables unit_effect, period_effect and effect, on the standardised outcome (y - y_center) /
        y_scale of ``design.attrs``; others are in the group "own".
        """
        from bri_bayes.app.notebook.own_model import sampled

        drawn = sampled(self.analysis, model, self.seed if seed is None else seed, progress=progress)
        note = f"The model is one's own, made from the card {self.card.name}: what else it assumes is in its code."
        return DidResult(drawn, (*self.notes, note), self.seed, shown_first=False)

    def _beside(self, others: Sequence[DidResult | str | ModelCard]) -> list[DidResult]:
        """This result and the others, cards fitted."""
        return [self, *(self.with_card(other) if isinstance(other, str | ModelCard) else other for other in others)]

    def __repr__(self) -> str:
        effect = self.effect
        return (
            f"DidResult({self.card.outcome}, card {self.card.name}: {effect.mean:.4g} [{effect.lower:.4g}, "
            f"{effect.upper:.4g}], P(> 0) = {effect.p_positive:.3f}; {compared(self.fit)})"
        )

    def _repr_html_(self) -> str:
        table = self.summary().map(lambda cell: "" if np.isnan(cell) else f"{cell:.4g}")
        return f"<p>{html.escape(self.effect_summary())}</p>{table.to_html(escape=True)}"


def load_result(path: str | Path) -> DidResult:
    """Read what ``DidResult.save`` wrote; any other file is refused in a sentence."""
    from bri_bayes.app.notebook.files import read

    fit, notes, seed, shown_first = read(path)
    return DidResult(fit, notes, seed, shown_first)
