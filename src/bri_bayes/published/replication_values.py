"""What does a reader see of the replication? The paper's regressions on the rebuilt panels, as values and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bri_bayes.published.reconstruction import VERSIONS, reconstructions
from bri_bayes.published.replicate import coefficients, fit_statistics, run_regressions, standard_errors
from bri_bayes.published.tables import Published, load_published


def replication_values(published: Published | None = None) -> dict[str, Any]:
    """Coefficients, standard errors and R-squared, published and reproduced, and the panels that they come from."""
    source = load_published() if published is None else published
    panels = reconstructions(source)
    found = run_regressions(source, panels)
    return {
        "kind": "reconstruction",
        "label": "panels solved from the printed tables, not observations",
        "coefficients": coefficients(source, found),
        "standard_errors": standard_errors(source, found),
        "fit": fit_statistics(source, found),
        "panels": [
            {"version": name, "digest": panel.attrs["digest"], "differs": VERSIONS[name].differs}
            for name, panel in panels.items()
        ],
    }


def replication_text(entries: Sequence[dict[str, Any]]) -> str:
    """A line a coefficient: published, reproduced, difference, and whether they agree at the printed digits."""
    agreeing = sum(entry["agrees"] for entry in entries)
    lines = [
        "Reconstruction, not observations: panels solved from the printed tables give the printed numbers back.",
        f"{agreeing} of {len(entries)} published coefficients of Tables 3 to 8 agree at the printed digits.",
        "",
        f"{'table':8}{'variable':22}{'published':>12}{'reproduced':>14}{'difference':>12}",
    ]
    for entry in entries:
        digits = entry["decimals"]
        difference = entry["reproduced"] - entry["published"]
        mark = "" if entry["agrees"] else "  differs"
        lines.append(
            f"{entry['table']} ({entry['column']})   {entry['variable']:22}{entry['published']:>12.{digits}f}"
            f"{entry['reproduced']:>14.{digits + 2}f}{difference:>12.0e}{mark}"
        )
    return "\n".join(lines)
