"""How long would a million refits take? A sample of them: python benchmarks/scale_sample.py [--share 0.01] [--jobs 2]

Prints the figures of docs/scale.md. Pieces that are in the cache are not done again; --dask sends them to a cluster.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import resource
import time
from functools import partial
from pathlib import Path

import numpy as np

from bri_bayes.core.json_values import json_safe
from bri_bayes.evaluation.scale import PARTNERS, PIECES, REFITS, Refitted, panels_of_piece, refit_piece
from bri_bayes.runtime.cache import Cache, content_key
from bri_bayes.runtime.steps import Step, run_steps


def main() -> None:
    """Refit the sampled pieces and print what they cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--dask")
    parser.add_argument("--cache", type=Path, default=Path(".cache/scale"))
    given = parser.parse_args()
    pieces = np.random.default_rng(0).choice(PIECES, round(given.share * PIECES), replace=False).tolist()
    steps = [
        Step(
            "scale",
            (str(piece),),
            content_key("scale", piece),
            partial(refit_piece, piece, panels_of_piece(piece)),
            Refitted,
        )
        for piece in pieces
    ]
    started = time.perf_counter()
    done = run_steps(steps, Cache(given.cache), jobs=given.jobs, dask=given.dask)
    clock = time.perf_counter() - started
    results = list(done.results.values())
    seconds = np.array([value for value in done.seconds.values() if value])
    refits = PARTNERS * len(pieces)
    print(f"SIMULATED PANELS: {refits:,} of {REFITS:,} refits in {len(pieces)} pieces, {os.cpu_count()} processors")
    print(f"by the clock {clock:.1f} s")
    if seconds.size:
        each, error = seconds.mean(), seconds.std(ddof=1) / np.sqrt(seconds.size)
        print(f"a piece {each:.2f} s (standard error {error:.2f}), a refit {1000 * each / PARTNERS:.2f} ms")
        print(f"all of them {each * PIECES / 3600:.2f} +/- {2 * error * PIECES / 3600:.2f} core hours")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # with --jobs 1 that of a worker
    answer = len(json.dumps(json_safe(results[0])))
    print(f"peak memory here {peak / 1024:.0f} MB; bytes of a piece to a worker {len(pickle.dumps(steps[0])):,}")
    print(
        f"bytes of its answer {answer:,}; "
        f"partners with points of their own {sum(row.alone for row in results)} of {refits:,}"
    )
    z = np.concatenate([np.array(row.mean) / np.array(row.sd) for row in results])
    print(f"share of intervals that leave zero out, where nothing happened: {np.mean(np.abs(z) > 1.96):.3f}")


if __name__ == "__main__":
    main()
