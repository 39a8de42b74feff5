"""What does ``bri-bayes estimate`` print? Methods, units and event times as tables of a terminal, and warnings."""

from __future__ import annotations

import textwrap

from bri_bayes.presentation.study_tables import frequentist_rows, method_name, posterior_rows, provenance
from bri_bayes.presentation.table_spec import Column, Table, Values, effect_columns
from bri_bayes.presentation.terminal_table import WIDTH, terminal_text

_METHODS = (
    Column("method", "method", "name"),
    *(Column(key, heading, "number", scale="effect") for key, heading in
      (("estimate", "estimate"), ("se", "s.e. or sd"), ("lower", "2.5%"), ("upper", "97.5%"))),
    Column("p_value", "p", "p-value"),
    Column("p_positive", "P(> 0)", "probability"),
)  # fmt: skip
_BY = {"unit": "The effect by unit", "event_time": "The effect by years since the onset"}


def estimate_text(values: Values) -> str:
    """The values of ``bri-bayes estimate`` as text."""
    panel, bayes = values["panel"], values["bayes"]
    model = {"title": values["model"], "att": bayes["att"]}
    outcome = {"models": {"main": model}, "main": "main", "frequentist": values.get("frequentist")}
    rows = [{**row, "method": method_name(row)} for row in (*frequentist_rows(outcome), *posterior_rows(outcome))]
    made_from = {**panel, "kind": "user"} if panel["kind"] == "user" else panel
    tables = [Table("methods", "The effect by each method", _METHODS, tuple(rows), panel=made_from)]
    for key, caption in _BY.items():
        columns = (Column("at", key.replace("_", " "), "name"), *effect_columns())
        effects = tuple({"at": str(name), **effect} for name, effect in bayes[f"by_{key}"].items())
        tables.append(Table(f"by_{key}", caption, columns, effects, panel=made_from))
    said = [
        f"{values['outcome']}: effect on {', '.join(values['treated'])} (model {values['model']}, {bayes['engine']})",
        f"{provenance(values).rstrip('.')}. {panel['rows']} rows of {len(panel['units'])} units, 95% intervals.",
    ]
    notes = [f"Note: {warning}" for warning in values.get("warnings", [])]
    texts = (
        [textwrap.fill(text, WIDTH) for text in said],
        map(terminal_text, tables),
        [textwrap.fill(text, WIDTH) for text in notes],
    )
    return "\n\n".join(text for group in texts for text in group)
