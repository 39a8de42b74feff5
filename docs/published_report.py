"""How is the report of official data made that stands in reports/real_panel? From a run, without the rows themselves.

python docs/published_report.py FOLDER_OF_A_RUN

Its first figure goes into docs/_static, where the README and the documentation show it, so that they show no other.
The folder of the run has values.json, which holds the observed series, and figures that draw them. Neither is copied:
what the repository shows of official data is results, with their source.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from bri_bayes.app.report_forms import parts_of
from bri_bayes.core.io import replaced_together
from bri_bayes.report.figures import FIGURES, theme
from bri_bayes.report.render import render_report

ANSWER = Path(__file__).parent / "_static" / "answer.png"
PUBLISHED = Path(__file__).parents[1] / "reports" / "real_panel"
# Figures that draw what was observed, year by year.
OBSERVED = {"paths", "prior_predictive", "expected_paths"}
ABOUT = """# The report on official data, as a run made it

`report.html` (ten minutes), `one_page.html` (one sheet) and `appendix.html` (all tables and figures), with their files.
Open them in a browser; no server is needed. Made from

    {label}

with `bri-bayes run data/goods_trade.toml --panel FILE` and `python docs/published_report.py FOLDER`. These are results
with their sources; no row of the data is here: `values.json` and the figures that draw the observed series ({without})
are made by the command, and are not kept.
"""


def publish(run: Path, out: Path = PUBLISHED) -> Path:
    """Pages, tables and figures of ``run`` in ``out``, which is replaced whole."""
    values = json.loads((run / "values.json").read_text(encoding="utf-8"))
    if values["panel"]["kind"] != "official" or values["quick"] or values["failed_gates"]:
        raise SystemExit(f"{run}: not a whole run on official data that passed its gates")
    drawn = {path.stem: path for path in sorted((run / "figures").glob("*.svg")) if path.stem not in OBSERVED}
    tables = sorted((run / "tables").glob("*.csv"))
    with replaced_together(
        out, ("report.html", "one_page.html", "appendix.html", "figures", "tables", "README.md")
    ) as new:
        for folder, files in (("figures", drawn.values()), ("tables", [*tables, *(run / "tables").glob("*.tex")])):
            (new / folder).mkdir()
            for path in files:
                shutil.copyfile(path, new / folder / path.name)
        figures = {name: new / "figures" / path.name for name, path in drawn.items()}
        render_report(values, figures, new / "report.html", parts_of(values), tables=[path.stem for path in tables])
        for page in new.glob("*.html"):
            text = page.read_text(encoding="utf-8").replace(
                "the values.json beside this file", "the values.json of a run"
            )
            page.write_text(text, encoding="utf-8")
        without = ", ".join(sorted(OBSERVED & {path.stem for path in (run / "figures").glob("*.svg")}))
        label = "; ".join([values["panel"]["label"], *values["panel"]["sources"]])
        (new / "README.md").write_text(ABOUT.format(label=label, without=without), encoding="utf-8")
    return out / "report.html"


def picture(run: Path) -> bytes:
    """The answer as a PNG: published estimates, least squares and the posterior, for each outcome."""
    values = json.loads((run / "values.json").read_text(encoding="utf-8"))
    return theme.png_bytes(FIGURES["comparison"](values))


if __name__ == "__main__":
    print(publish(Path(sys.argv[1])))
    ANSWER.write_bytes(picture(Path(sys.argv[1])))
