"""python -m tests.chaos.fuzz: so many requests from a seed; the exit status is 1 for any fault."""

import argparse
import random
import sys

from tests.chaos.fuzz.run import fuzz
from tests.chaos.fuzz.target import Target


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--requests", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    chosen = arguments.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    with Target() as target:
        outcome = fuzz(target, chosen.requests, chosen.seed)
    print(outcome.lines())
    for fault in outcome.faults():
        print(f"BROKEN: {fault}")
    return 1 if outcome.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
