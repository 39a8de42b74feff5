"""What does the flow between all countries say of a policy that ties one of them to a few others?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bri_bayes.core.arrays import Index
from bri_bayes.core.errors import InputError, suggest
from bri_bayes.core.json_values import json_safe
from bri_bayes.data.bilateral_flows import FlowColumns, Flows, read_flows
from bri_bayes.data.text_encoding import AS_USUAL, TextFormat
from bri_bayes.frequentist.estimate import Estimate, t_estimate
from bri_bayes.frequentist.gravity import GravityFit, GravityRows, fit_gravity, score_placebo, with_information

if TYPE_CHECKING:
    import pandas as pd

GRAVITY = "ppml_gravity"
# Groups of partners that the real one is compared with.
PLACEBOS = 9999
# Who is who in a flow of the country.
REPORTER = {"export": "exporter", "import": "importer"}
PARTNER = {"export": "importer", "import": "exporter"}


@dataclass(frozen=True)
class GravityRequest:
    """``country`` and the ``treated`` partners that the policy ties to it from ``onset`` on; ``zeros``, ``years``,
    ``countries`` and ``text_format`` as in ``read_flows``."""

    path: Path
    country: str
    treated: tuple[str, ...]
    onset: str
    columns: FlowColumns = field(default_factory=FlowColumns)
    years: tuple[int, int] | None = None
    countries: Path | None = None
    zeros: bool = False
    text_format: TextFormat = AS_USUAL
    seed: int = 0


@dataclass(frozen=True)
class GravityAnswer:
    """``rows`` : (flow, row) two for each flow, clustered by pair and the placebo of scores; ``panel`` : what was read;
    ``notes`` : what left and how to read it."""

    rows: Sequence[tuple[str, Estimate]]
    panel: dict[str, Any]
    notes: Sequence[str]

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON values."""
        rows = [{"flow": flow, **row.as_dict()} for flow, row in self.rows]
        return dict(json_safe({"panel": self.panel, "rows": rows, "notes": list(self.notes)}))


def gravity(request: GravityRequest) -> GravityAnswer:
    """Exports and imports of the country with the treated partners after the onset, given all resistance and pairs.

    Both flows are columns of one equation; a flow that the file does not have is left out, with a note.
    """
    flows = read_flows(
        request.path,
        request.columns,
        years=request.years,
        countries=request.countries,
        zeros=request.zeros,
        text_format=request.text_format,
    )
    frame = flows.frame
    onset = _onset(request, flows)
    after = frame["period"].to_numpy() >= onset
    _refuse_unknown(request, frame)
    with_country = {flow: (frame[at] == request.country).to_numpy(dtype=bool) for flow, at in REPORTER.items()}
    is_treated = {flow: frame[at].isin(request.treated).to_numpy(dtype=bool) for flow, at in PARTNER.items()}
    policy = {flow: with_country[flow] & after & is_treated[flow] for flow in PARTNER}
    asked = [flow for flow, cells in policy.items() if (frame["value"].to_numpy()[cells] > 0).any()]
    if not asked:
        raise InputError(f"{request.path}: no treated partner trades with {request.country} from {request.onset} on")
    rows = GravityRows(
        y=frame["value"].to_numpy(dtype=float),
        Z=np.column_stack([policy[flow] for flow in asked]).astype(float),
        exporter_year=_levels(frame, "exporter", "period"),
        importer_year=_levels(frame, "importer", "period"),
        pair=_levels(frame, "exporter", "importer"),
    )
    kept = with_information(rows)
    used = rows.take(kept)
    fit = fit_gravity(used)
    nothing = fit_gravity(replace(used, Z=used.Z[:, :0]), start=fit.mu)
    answers = []
    for at, flow in enumerate(asked):
        se = float(np.sqrt(fit.covariance[at, at]))
        estimate = t_estimate(GRAVITY, "cluster_pair", float(fit.beta[at]), se, fit.n_pairs - 1)
        names, partner = np.unique(frame.loc[kept, PARTNER[flow]].to_numpy(dtype=str), return_inverse=True)
        placebo = score_placebo(
            used,
            nothing.mu,
            partner,
            (with_country[flow] & after)[kept],
            np.flatnonzero(np.isin(names, request.treated)),
            groups=PLACEBOS,
            seed=request.seed,
        )
        compared = Estimate(
            GRAVITY,
            "placebo_partners",
            estimate.estimate,
            None,
            placebo.p_value,
            None,
            None,
            n_assignments=placebo.groups,
            note=f"with the treated {request.country} trades {100 * placebo.excess:+.1f}% against the means of a fit "
            "without the policy; random groups of as many partners are ranked by this share",
        )
        answers += [(flow, estimate), (flow, compared)]
    return GravityAnswer(answers, _panel(request, flows, frame[kept]), _notes(flows, kept, fit, asked))


def _onset(request: GravityRequest, flows: Flows) -> int:
    onset = flows.calendar.ordinal(request.onset)
    periods = flows.frame["period"]
    if onset is None or not periods.min() < onset <= periods.max():
        raise InputError(
            f'--onset "{request.onset}" is no period of {request.path} with one before it; '
            f"the file has {periods.min()} to {periods.max()}"
        )
    return onset


def _refuse_unknown(request: GravityRequest, frame: pd.DataFrame) -> None:
    """A name that the file does not have, or the country among its own partners."""
    names = sorted({*frame["exporter"].unique(), *frame["importer"].unique()})
    for name in (request.country, *request.treated):
        if name not in names:
            raise InputError(f'{request.path}: there is no country "{name}"; {suggest(name, names)}')
    if not request.treated or request.country in request.treated:
        raise InputError(f"--treated names the partners of {request.country} that the policy is about, at least one")


def _levels(frame: pd.DataFrame, first: str, second: str) -> Index:
    """Positions of the pairs of two columns : (rows,)."""
    return np.asarray(frame.groupby([first, second], sort=False).ngroup().to_numpy(), dtype=np.intp)


def _panel(request: GravityRequest, flows: Flows, used: pd.DataFrame) -> dict[str, Any]:
    """The "panel" of the JSON: every country of the file, as exporter or importer."""
    return {
        "kind": "user",
        "label": f"Flows between countries, {request.path.name}",
        "units": sorted({*used["exporter"].unique(), *used["importer"].unique()}),
        "periods": sorted(int(period) for period in used["period"].unique()),
        "rows": len(used),
        "rows_dropped": len(flows.frame) + flows.missing - len(used),
        "sources": [request.path.name],
    }


def _notes(flows: Flows, kept: NDArray[np.bool_], fit: GravityFit, asked: Sequence[str]) -> list[str]:
    """What left, what was taken for zero, and what clustered errors do with few treated pairs."""
    said = []
    if flows.missing:
        said.append(f"{flows.missing:,} rows without a value left")
    if flows.filled:
        said.append(f"{flows.filled:,} flows are zero: the file has no row, of a pair that trades in other periods")
    if lost := int((~kept).sum()):
        said.append(
            f"{lost:,} rows left whose pair, exporter-year or importer-year trades nothing: a mean of zero fits them"
        )
    if fit.vanished:
        said.append(f"{fit.vanished:,} zeros are separated: a mean of zero fits them, so they say nothing")
    for flow in PARTNER:
        if flow not in asked:
            said.append(f"there is no {flow} to or from the treated from the onset on")
    said.append(
        "errors clustered by pair are too small where few pairs are treated (MacKinnon & Webb 2018): read the row of "
        "placebo partners beside"
    )
    return said
