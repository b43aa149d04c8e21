"""One run: senders, the schedule's faults, the drain, the verdict, the quiet replay."""

import random
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.machine import faults, journal, judge, replay
from tests.chaos.machine.judge import Verdict
from tests.chaos.machine.machine import Machine
from tests.chaos.machine.schedule import Fault

AFTER_SECONDS = 4.0  # of undisturbed traffic, so that a lasting damage shows
DRAIN_SECONDS_MAX = 240.0
_FAULT_SECONDS_MAX = 90.0


@dataclass
class Trial:
    """`spans` tells of each fault when it was done; `broken` of those that could not be."""

    machine: Machine
    spans: list[tuple[str, float, float]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def run(self, schedule: Sequence[Fault], seconds: float) -> None:
        """Everything up to an empty inbox."""
        self.machine.start_load()
        begun = time.monotonic()
        threads: list[threading.Thread] = []
        for fault in schedule:
            time.sleep(max(0.0, begun + fault.at_seconds - time.monotonic()))
            self._wait_for_same_part(threads)
            threads.append(threading.Thread(target=self._do, args=(fault,), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join(_FAULT_SECONDS_MAX)
        time.sleep(max(AFTER_SECONDS, begun + seconds - time.monotonic()))
        self.machine.stop_load()

    def _wait_for_same_part(self, threads: list[threading.Thread]) -> None:
        """A late fault may still be at work: not more than two at once."""
        while sum(thread.is_alive() for thread in threads) > 1:
            time.sleep(0.05)

    def _do(self, fault: Fault) -> None:
        begun = time.time()
        try:
            faults.BY_NAME[fault.kind](self.machine, random.Random(fault.chance), fault.seconds)
        except Exception as error:  # noqa: BLE001 - the run goes on, and fails at its end
            traceback.print_exc()
            self.broken.append(f"{fault.kind}: {type(error).__name__} {error}")
        self.spans.append((fault.kind, begun, time.time()))

    def verdict(self, seed: int, *, is_replayed: bool = True) -> Verdict:
        """Raises AssertionError when the inbox does not empty, or decisions are never complete."""
        machine = self.machine
        drain_seconds = machine.wait_until_drained(DRAIN_SECONDS_MAX)
        replay.wait_until_settled(machine.postgres.url)
        told = journal.read(machine.journal)
        rows = judge.rows_of(machine.postgres.url)
        verdict = judge.judge(told, rows)
        verdict.drain_seconds = drain_seconds
        verdict.launcher_ends = machine.ended_by_itself
        machine.stop_product()
        if not is_replayed:
            return verdict
        stored = {key for _, key, _ in rows.stored}
        quiet = replay.replayed(machine, [told[key] for key in sorted(stored & set(told))], seed)
        found = replay.differences(machine.postgres.url, quiet, machine.folder)
        verdict.differing_decisions = sum(found[table] for table in replay.DECISIONS)
        verdict.differing_rollups = sum(found[table] for table in replay.ROLLUPS)
        return verdict


def report(trial: Trial, verdict: Verdict) -> str:
    """The judge's tables."""
    lines = ["| what | |", "|---|---|", *(f"| {name} | {text} |" for name, text in verdict.lines())]
    told = journal.read(trial.machine.journal).values()
    pauses = judge.pauses_by_fault(told, trial.spans)
    lines += ["", "| fault | times | longest pause of answers around it |", "|---|---|---|"]
    lines += [
        f"| {name} | {count} | {seconds:.1f} s |"
        for name, (count, seconds) in sorted(pauses.items())
    ]
    return "\n".join(lines)
