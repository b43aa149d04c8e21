"""Looks up known vulnerabilities of what is pinned: `make audit`.

Needs the network. Where the source of vulnerabilities cannot be reached, it says that nothing was
looked up, and fails nothing.
"""

import json
import subprocess
import sys
from typing import Any

LOCK = "requirements.lock"


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--progress-spinner", "off"]
    done = subprocess.run(
        [*command, "--format", "json", "--requirement", LOCK],
        capture_output=True,
        text=True,
    )
    report, is_failure = judge(done.stdout)
    print(report)
    return int(is_failure)


def judge(output: str) -> tuple[str, bool]:
    """Returns the report of an audit's output, and whether it found anything."""
    try:
        dependencies: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        return _NOT_RUN, False
    looked_up = [each for each in dependencies if "skip_reason" not in each]
    if not looked_up:
        return _NOT_RUN, False
    found = [
        f"{each['name']} {each['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version'}"
        for each in looked_up
        for vulnerability in each["vulns"]
    ]
    if found:
        return "\n".join(found), True
    skipped = len(dependencies) - len(looked_up)
    return f"{len(looked_up)} packages without a known vulnerability, {skipped} unknown", False


_NOT_RUN = f"NOT RUN: the audit of {LOCK}. The source of known vulnerabilities cannot be reached."

if __name__ == "__main__":
    sys.exit(main())
