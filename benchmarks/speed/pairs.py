"""Who is compared with whom? Each piece of work of ours beside a named peer's, on the same panel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from speed.cost import Cost
from speed.environments import PROJECT, NotRunError, R, run_task
from speed.history import Row
from speed.tasks_peers import BAMBI_FITS

WORK, DRAW = "work", "effective draw"
OURS, PYMC, PEERS, IN_R = "tasks_ours", "tasks_pymc", "tasks_peers", "tasks_r"


@dataclass(frozen=True)
class Pair:
    """``ours`` : a task of ``tasks_ours``; ``theirs`` : module and task. ``times`` : the peer did this share once."""

    work: str
    ours: str
    peer: str
    module: str
    theirs: str
    environment: str = PROJECT
    per: str = WORK
    times: float = 1.0
    note: str = ""


_POSTERIOR, _SIMPLE = "posterior, 9 x 21, card did", "posterior, 9 x 21, independent errors"
_REFITS_126, _REFITS_500 = "126 hierarchical placebo refits, 9 x 21", "500 hierarchical placebo refits, 30 x 21"
_PERMUTED, _SYNTHETIC = "1,000 permutations of TWFE, 30 x 21", "25 placebos, synthetic controls of 24 donors"
_BACI, _START = "one country's flows of a million rows of BACI", "start of a command, --help"
_OWN = "its own priors and a simpler model"

PAIRS = (
    Pair(_POSTERIOR, "nine_by_21", "nutpie", PYMC, "nutpie_diagonal", per=DRAW, note="compiled before"),
    Pair(_POSTERIOR, "nine_by_21", "nutpie, low rank", PYMC, "nutpie_low_rank", per=DRAW, note="compiled before"),
    Pair(_POSTERIOR, "nine_by_21", "PyMC's sampler", PYMC, "pymc_sampler", per=DRAW, note="second run in a process"),
    Pair(_POSTERIOR, "nine_by_21", "NumPyro", PYMC, "numpyro_sampler", "peers", DRAW, note="traced in each run"),
    Pair(
        _POSTERIOR, "att_alone", "pymc-extras, Laplace", PYMC, "laplace", "peers", note="a normal at the mode, no bound"
    ),
    Pair(_SIMPLE, "nine_by_21_iid", "Bambi", PEERS, "bambi_nine", per=DRAW, note=_OWN),
    Pair(_SIMPLE, "nine_by_21_iid", "CausalPy", PEERS, "causalpy_nine", "causalpy", DRAW, note=_OWN),
    Pair(_SIMPLE, "nine_by_21_iid", "brms", IN_R, "brms_nine", R, DRAW, note=f"{_OWN}; compiled before"),
    Pair(_SIMPLE, "nine_by_21_iid", "lme4", IN_R, "lme4_nine", R, note="restricted maximum likelihood, no posterior"),
    Pair(
        _REFITS_126, "placebos_126", "Bambi", PEERS, "bambi_placebos_nine", times=126 / BAMBI_FITS,
        note=f"extrapolated from {BAMBI_FITS}; {_OWN}",
    ),
    Pair(
        _REFITS_500, "placebos_500", "Bambi", PEERS, "bambi_placebos", times=500 / BAMBI_FITS,
        note=f"extrapolated from {BAMBI_FITS}; {_OWN}",
    ),
    Pair(
        "15 sets of controls", "control_sets", "nutpie", PYMC, "nutpie_control_set", times=15,
        note="extrapolated from one; compiled for each, the shape is another",
    ),
    Pair(
        "96 specifications of the curve", "curve", "nutpie", PYMC, "nutpie_specification", times=96,
        note="extrapolated from one; compiled for each",
    ),
    Pair("TWFE coefficient, 9 x 21", "twfe", "pyfixest", PEERS, "pyfixest_twfe"),
    Pair(
        _PERMUTED, "permutation_test", "pyfixest, ritest", PEERS, "pyfixest_permutation",
        note="no interval; of each unit's change, as it redraws rows",
    ),
    Pair(_PERMUTED, "permutation_test", "diff-diff, permutation_test", PEERS, "diff_diff_permutation", "peers"),
    Pair(
        _SYNTHETIC, "synthetic_placebos", "pysyncon", PEERS, "pysyncon_placebos", "peers",
        note="its weights are one optimum, ours 1,000 posterior draws",
    ),
    Pair(
        _SYNTHETIC, "synthetic_placebos", "diff-diff, SDID", PEERS, "diff_diff_sdid", "peers", times=25 / 200,
        note="an eighth of its 200 placebo refits of five units",
    ),
    Pair("residuals on two sets of effects, 1 million rows", "million_residuals", "pyfixest", PEERS,
         "pyfixest_residuals", note="ours filters and labels the rows, too"),
    Pair("slope beside two sets of effects, 1 million rows", "million_slope", "pyfixest", PEERS, "pyfixest_slope"),
    Pair(_BACI, "reading", "polars", PEERS, "polars_reading", "peers"),
    Pair(_BACI, "reading", "duckdb", PEERS, "duckdb_reading", "peers"),
    Pair(_START, "help_page", "python -c pass", PEERS, "python_alone"),
    Pair(_START, "help_page", "import pymc", PEERS, "import_pymc"),
    Pair(_START, "help_page", "import bambi", PEERS, "import_bambi"),
    Pair(_START, "help_page", "import pyfixest", PEERS, "import_pyfixest"),
)  # fmt: skip


def compared(pair: Pair) -> Row:
    """Both sides in turn; our side of several pairs once."""
    ours = _ours(pair.ours)
    try:
        theirs = run_task(pair.module, pair.theirs, pair.environment)
    except NotRunError as reason:
        return Row(pair.work, pair.peer, pair.per, ours, None, None, pair.times, pair.note, str(reason))
    return Row(pair.work, pair.peer, pair.per, ours, theirs, ratio_of(pair, ours, theirs), pair.times, pair.note)


def ratio_of(pair: Pair, ours: Cost, theirs: Cost) -> float | None:
    """The peer's CPU seconds over ours, for the work or for an effective draw; None without the draws."""
    if pair.per == WORK:
        return pair.times * theirs.cpu / ours.cpu
    if not ours.draws or not theirs.draws:
        return None
    return (theirs.cpu / theirs.draws) / (ours.cpu / ours.draws)


@cache
def _ours(name: str) -> Cost:
    return run_task(OURS, name)
