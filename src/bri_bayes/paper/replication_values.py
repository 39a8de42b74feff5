"""What does a reader see of the replication? The paper's tables and figures, rebuilt, as values and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bri_bayes.core.errors import InputError, suggest
from bri_bayes.paper.matched_did import BASELINE, balance_table, cannot_be_matched, psm_did
from bri_bayes.paper.placebo_tests import event_study, fake_groups
from bri_bayes.paper.rebuild.categories import categories, category_values, table_1
from bri_bayes.paper.reconstruction import COLUMNS, VERSIONS, reconstruct, reconstructions
from bri_bayes.paper.replicate import coefficients, fit_statistics, run_regressions, standard_errors
from bri_bayes.paper.tables import Published, load_published

_TABLES = tuple("12345678")
KIND = "reconstruction"


def replication_values(published: Published | None = None) -> dict[str, Any]:
    """Published and reproduced: Tables 1 to 8, Figures 1 to 4 and PSM-DID, and the panels that they come from.

    "made_from" says what the panels are; "outcomes" has event study, fake groups and PSM-DID of each outcome.
    """
    source = load_published() if published is None else published
    panels = reconstructions(source)
    main = panels["main"]
    replications = run_regressions(source, panels)
    matched = psm_did(source, main)
    return {
        "made_from": {
            "kind": KIND,
            "label": main.attrs["label"],
            "units": [str(unit) for unit in main["unit"].to_numpy()],
            "periods": [int(period) for period in main["period"].to_numpy()],
            "sources": list(main.attrs["sources"]),
        },
        "outcomes": {
            outcome: {
                "label": COLUMNS[outcome].label,
                "published": source.cell(*key, "BRI").estimate.value,
                "event_study": event_study(source, main, outcome),
                "fake_groups": fake_groups(source, main, outcome),
                "psm_did": [entry for entry in matched if entry["outcome"] == outcome],
            }
            for outcome, key in BASELINE.items()
        },
        "categories": category_values(source),
        "balance": balance_table(source, main),
        "size_spread": cannot_be_matched(source, main),
        "coefficients": coefficients(source, replications),
        "standard_errors": standard_errors(source, replications),
        "fit": fit_statistics(source, replications),
        "panels": [
            {"version": name, "digest": panel.attrs["digest"], "differs": VERSIONS[name].differs}
            for name, panel in panels.items()
        ],
    }


def replication_entries(tables: str = "3,4,5,6,7,8", published: Published | None = None) -> list[dict[str, Any]]:
    """One entry a number of the ``tables``, in the order of the paper: all of 1 and 2, coefficients of 3 to 8."""
    source = load_published() if published is None else published
    wanted = {word.strip() for word in tables.split(",")}
    if unknown := sorted(wanted - set(_TABLES)):
        raise InputError(f'--tables: there is no table "{unknown[0]}"; {suggest(unknown[0], _TABLES)}')
    panels = reconstructions(source)
    entries = table_1(source, categories(source)) + balance_table(source, panels["main"])
    entries += coefficients(source, run_regressions(source, panels))
    return [{**entry, "panel": KIND} for entry in entries if str(entry["table"]) in wanted]


def panel_digests() -> dict[str, str]:
    """The digest of each rebuilt panel by its version: it names every number of the panel."""
    return {version: str(reconstruct(version).attrs["digest"]) for version in VERSIONS}


def replication_text(entries: Sequence[dict[str, Any]], digests: Mapping[str, str]) -> str:
    """A line a number: published, reproduced, difference, and whether they agree at the printed digits."""
    agreeing = sum(entry["agrees"] for entry in entries)
    names = ", ".join(dict.fromkeys(str(entry["table"]) for entry in entries))
    lines = [
        "Reconstruction, not observations: panels solved from the printed tables give the printed numbers back.",
        f"{agreeing} of {len(entries)} published numbers of Tables {names} agree at the printed digits.",
        "Panels: " + ", ".join(f"{version} {digest}" for version, digest in digests.items()) + ".",
        "",
        f"{'table':8}{'variable':48}{'published':>12}{'reproduced':>14}{'difference':>12}",
    ]
    for entry in entries:
        digits = entry["decimals"]
        difference = entry["reproduced"] - entry["published"]
        mark = "" if entry["agrees"] else "  differs"
        is_regression = isinstance(entry["column"], int)
        where = f"{entry['table']} ({entry['column']})" if is_regression else str(entry["table"])
        words = [entry["variable"], entry.get("sample", ""), "" if is_regression else entry["column"]]
        lines.append(
            f"{where:8}{' '.join(filter(None, words)):48}{entry['published']:>12.{digits}f}"
            f"{entry['reproduced']:>14.{digits + 2}f}{difference:>12.0e}{mark}"
        )
    return "\n".join(lines)
