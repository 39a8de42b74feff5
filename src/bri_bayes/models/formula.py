"""A model outside the linear family: the Bambi model of a formula card.

The data frame has one row a unit and period with the columns

    outcome  as in the panel (after its transform)       level    exp(outcome) for a log outcome, else the outcome
    unit, period  categories      treated  0 or 1         ever_treated  0 or 1      time  periods since the first
    and each covariate of the card, centred and with unit sd within units and periods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.design.design import Design
from bri_bayes.study.model_card import ModelCard

if TYPE_CHECKING:
    import bambi

# Links whose scale has an effect in outcome units: a difference, or a difference of logs.
LINKS = ("identity", "log")


def formula_frame(design: Design, card: ModelCard) -> pd.DataFrame:
    """The rows that a formula sees."""
    unit_ix, period_ix = design["unit_ix"].to_numpy(), design["period_ix"].to_numpy()
    y = design["y"].to_numpy()
    frame = pd.DataFrame(
        {
            "outcome": y,
            "level": np.exp(y) if design.attrs.get("outcome_transform") == "log" else y,
            "unit": pd.Categorical(design["unit"].to_numpy()[unit_ix]),
            "period": pd.Categorical(design["period"].to_numpy()[period_ix]),
            "treated": design["treated"].to_numpy().astype(float),
            "ever_treated": np.isfinite(design["event_time"].to_numpy()).astype(float),
            "time": design["period"].to_numpy()[period_ix] - float(design["period"][0]),
        }
    )
    x = (design["X"].to_numpy() - design["x_center"].to_numpy()) / design["x_scale"].to_numpy()
    return frame.assign(**{name: x[:, i] for i, name in enumerate(card.covariates)})


def build_formula(design: Design, card: ModelCard) -> bambi.Model:
    """The Bambi model of ``card`` on ``design``, built."""
    import bambi

    settings = card.formula
    if settings is None:
        raise InputError(f'the card "{card.name}" has no [formula] table')
    frame = formula_frame(design, card)
    if settings.formula.strip().startswith("level") and (frame["level"] <= 0).any():
        raise InputError(f'the formula card "{card.name}" needs a positive level of the outcome')
    try:
        model = bambi.Model(settings.formula, frame, family=settings.family, link=settings.link)
        model.build()
    except (KeyError, ValueError, NotImplementedError) as error:
        reason = str(error).strip("'\"").splitlines()[0]
        raise InputError(f'the formula of the card "{card.name}" cannot be built: {reason}') from error
    link = model.family.link[model.family.likelihood.parent].name
    if link not in LINKS:
        raise InputError(f'the card "{card.name}" has the link "{link}"; {suggest(link, LINKS)}')
    return model
