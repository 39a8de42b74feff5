"""One piece of work in a process of its own: ``python -m speed.task MODULE NAME`` prints its cost as JSON.

Every side of a comparison goes through here, this project's and a peer's alike, each with the interpreter that has it.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from importlib import import_module

from speed.cost import cost_of

# What a task prints before its cost, which packages that talk on stdout do not.
MARK = "cost of the task: "


def main() -> None:
    """The work NAME of the module ``speed.MODULE``."""
    module, name = sys.argv[1:]
    cost = cost_of(getattr(import_module(f"speed.{module}"), name))
    print(MARK + json.dumps(dataclasses.asdict(cost)), flush=True)


if __name__ == "__main__":
    main()
