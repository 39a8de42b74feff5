"""What does a command line ask of two reports of one flow, and what do they say against either alone?"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from bri_bayes.app.request import Request, column_of, question
from bri_bayes.core.errors import GateError, InputError
from bri_bayes.design.analysis import Analysis
from bri_bayes.design.two_reports import stacked
from bri_bayes.estimands.summaries import panel_values
from bri_bayes.inference.att import att_posterior
from bri_bayes.inference.importance import KHAT_LIMIT
from bri_bayes.inference.two_reports import two_reports
from bri_bayes.presentation.mirror_text import MirrorAnswer, ReportAnswer
from bri_bayes.study.model_card import load_card

# The flow has the errors of the first card; a report alone has noise that cannot be told from a year's own error.
CARD, ALONE = "did", "did_noise"
BOTH = "both reports"


@dataclass(frozen=True)
class MirrorRequest:
    """``of`` : the request of the first report, whose outcome is a logarithm; ``second`` : the outcome of the other."""

    of: Request
    second: str


def mirror(request: MirrorRequest) -> MirrorAnswer:
    """The ATT by the first report, by the second, and by both; the noise of each."""
    first, second = request.of.outcome, request.second
    if first == second:
        raise InputError(f'--second "{second}" is the outcome itself; name the column of the other report')
    for name in (first, second):
        if column_of(name).transform != "log":
            raise InputError(f'two reports are compared in logs: "log({name})" in place of "{name}"')
    if request.of.covariates or request.of.weights is not None:
        raise InputError("two reports are compared without covariates and weights")
    asked = {name: question(dataclasses.replace(request.of, outcome=name)) for name in (first, second)}
    base = asked[first]
    panel = base.panel.assign({second: asked[second].panel[second].reindex_like(base.panel[first])})
    card = load_card(request.of.model or CARD)
    together = two_reports(stacked(panel, base.assignment, card, (first, second)), card, request.of.seed)
    rows = []
    for at, name in enumerate((first, second)):
        alone = dataclasses.replace(load_card(ALONE), outcome=name, effects=card.effects, priors=card.priors)
        design = Analysis(panel, base.assignment, alone).design
        effect = att_posterior(design, alone, request.of.seed).effect
        rows.append(ReportAnswer(name, effect, together.rows[at], together.noise[at]))
    rows.append(ReportAnswer(BOTH, together.att, sum(together.rows), None))
    if together.khat >= KHAT_LIMIT:
        raise GateError(f"k-hat is {together.khat:.2f}, above {KHAT_LIMIT}: the importance sample is not reliable")
    design = Analysis(panel, base.assignment, dataclasses.replace(card, outcome=first)).design
    return MirrorAnswer(
        panel=panel_values(panel, design),
        card=card.name,
        treated=base.assignment.treated_units,
        khat=together.khat,
        rows=rows,
        notes=[*base.notes, *(f"{second}: {note}" for note in asked[second].notes if note not in base.notes)],
    )
