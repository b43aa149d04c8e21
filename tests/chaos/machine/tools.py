"""What the faults need beside Python: a compiler, faketime, and the right to mount a disk."""

import os
import shutil
import sys

TOOLS = ("cc", "faketime")


def missing_tools() -> list[str]:
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if os.geteuid() != 0:
        missing.append("root (a disk that can be full)")
    return missing


def require_tools() -> None:
    if missing := missing_tools():
        sys.exit(f"These are needed: {', '.join(missing)}.")
