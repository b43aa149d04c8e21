"""python -m tests.chaos.machine: breaks one machine for so many minutes and prints the tables.

The exit status is 1 when something that is promised did not hold; the folder is kept then.
"""

import argparse
import random
import sys

from tests.chaos.machine.faults import ACTS
from tests.chaos.machine.machine import Machine, Setup
from tests.chaos.machine.schedule import draw, printed
from tests.chaos.machine.tools import require_tools
from tests.chaos.machine.trial import Trial, report


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--minutes", type=float, default=30.0)
    arguments.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    arguments.add_argument("--only", default="", help="faults whose name has this in it")
    chosen = arguments.parse_args()
    require_tools()
    kinds = [kind for kind in ACTS if chosen.only in kind.name]
    schedule = draw(chosen.seed, chosen.minutes * 60, kinds)
    print(f"seed {chosen.seed}, {len(schedule)} faults:\n{printed(schedule)}", flush=True)
    with Machine(Setup(chosen.seed)) as machine:
        trial = Trial(machine)
        trial.run(schedule, chosen.minutes * 60)
        verdict = trial.verdict(chosen.seed)
        print(f"\nseed {chosen.seed}\n\n{report(trial, verdict)}")
        failed = [*trial.broken, *(f"{n}: {count}" for n, count in verdict.violations().items())]
        machine.keeps = bool(failed)
    for line in failed:
        print(f"BROKEN: {line}")
    if failed:
        print(f"What was written and stored: {machine.folder}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
