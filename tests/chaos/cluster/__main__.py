"""python -m tests.chaos.cluster: tries every fault in both modes and prints the judge's tables.

The exit status is 1 when a promise did not hold; the logs are kept then.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.cluster.cluster import ASYNCHRONOUS, SYNCHRONOUS, Cluster, Mode
from tests.chaos.cluster.faults import FAULTS, Fault
from tests.chaos.cluster.hosts import Network
from tests.chaos.cluster.judge import broken_promises, table, try_fault

MODES = {mode.name: mode for mode in (ASYNCHRONOUS, SYNCHRONOUS)}
PROGRAMS = ("ip", "redis-server", "redis-sentinel", "setpriv")


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    arguments.add_argument("--only", default="", help="faults whose name has this in it")
    chosen = arguments.parse_args()
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        sys.exit(f"These programs are needed: {', '.join(missing)}.")
    if os.geteuid() != 0:
        sys.exit("Only root may make network namespaces.")
    faults = [fault for fault in FAULTS if chosen.only in fault.name]
    broken = [fault for name in chosen.modes for fault in try_mode(MODES[name], faults)]
    for promise in broken:
        print(f"BROKEN: {promise}")
    return 1 if broken else 0


def try_mode(mode: Mode, faults: list[Fault]) -> list[str]:
    folder = Path(tempfile.mkdtemp(prefix="waybill-cluster-"))
    folder.chmod(0o755)
    begun = time.monotonic()
    with Network(folder) as network:
        cluster = Cluster(network, mode)
        cluster.start()
        print(f"\n{mode.name}: ten hosts ready after {time.monotonic() - begun:.0f} s", flush=True)
        verdicts = []
        for number, fault in enumerate(faults):
            verdicts.append(try_fault(cluster, fault, number))
            print(f"  {' | '.join(verdicts[-1].cells)}", flush=True)
        broken = broken_promises(cluster, verdicts)
        restarts = sum(program.restarts for _, program in network.programs())
    print(f"\n{mode.name}, {time.monotonic() - begun:.0f} s, {restarts} programs started again:\n")
    print(table(verdicts), flush=True)
    if broken:
        print(f"logs: {folder}")
    else:
        shutil.rmtree(folder)
    return [f"{mode.name}, {promise}" for promise in broken]


if __name__ == "__main__":
    sys.exit(main())
