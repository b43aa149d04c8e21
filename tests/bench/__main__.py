"""Measures Waybill beside its ceilings and beside a simple alternative.

    make bench                            everything, in under 25 minutes
    make bench ROWS=ingest SECONDS=2      some of it, and shorter

Prints one table, and with --write brings docs/performance.md and its charts up to date.
"""

import argparse
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from tests.bench import backlog, batches, drain, end_to_end, ingest, whole_stack
from tests.bench.report import machine, markdown, write
from tests.bench.run import Run

ROWS: dict[str, Callable[[Run], None]] = {
    "ingest": ingest.measure_ceilings,
    "connections": ingest.measure_matrix,
    "batches": batches.measure_batches,
    "drain": drain.measure_drain,
    "end-to-end": end_to_end.measure_end_to_end,
    "whole-stack": whole_stack.measure_whole_stack,
    "backlog": backlog.measure_backlog,
    "start": backlog.measure_start,
}


def main() -> int:
    chosen = _arguments().parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="waybill-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        run = Run(
            Path(folder),
            seconds=chosen.seconds,
            rounds=chosen.rounds,
            rounds_of_targets=chosen.rounds_of_targets,
            drain_events=chosen.drain_events,
            backlog_events=chosen.backlog,
        )
        ran_on = (
            f"{machine()} Load before it began: {os.getloadavg()[0]:.1f}; {chosen.seconds} s a "
            f"sample, {chosen.rounds_of_targets} rounds for lines with a target, else "
            f"{chosen.rounds}."
        )
        print(ran_on, file=sys.stderr)
        with run.open():
            failed = [name for name in chosen.rows or ROWS if not _measure_group(run, name)]
    print(f"{ran_on}\n\n{markdown(run.results)}\n\n{(time.monotonic() - began) / 60:.1f} minutes")
    if chosen.write:
        write(run.results, ran_on)
    return 1 if failed else 0


def _measure_group(run: Run, name: str) -> bool:
    """Measures one group; its failure must not discard what the others measured in twenty
    minutes."""
    print(f"{name} …", file=sys.stderr, flush=True)
    os.sync()  # a sync of Redis's file would wait behind a million rows of the group before
    try:
        ROWS[name](run)
    except Exception:  # noqa: BLE001 - whatever it is, it is shown, and the run fails in the end
        traceback.print_exc()
        return False
    return True


def _arguments() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    arguments.add_argument("rows", nargs="*", choices=[*ROWS, []], help="all of them, if none")
    arguments.add_argument("--seconds", type=int, default=4, help="of load, a sample")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--rounds-of-targets", type=int, default=5)
    arguments.add_argument("--drain-events", type=int, default=30_000)
    arguments.add_argument("--backlog", type=int, default=500_000, help="events")
    arguments.add_argument("--write", action="store_true", help="into docs/performance.md")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
