"""Negative controls: a product with one promise broken, and the faults under which that shows.

A judge that finds nothing here would find nothing anywhere.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.machine.machine import ROOT
from tests.chaos.machine.schedule import Fault

_PACKAGES = ("ingest", "workers", "console", "shared", "deploy")


class PatchDoesNotFit(Exception):
    """The product was changed: the control has to be written anew."""


@dataclass(frozen=True)
class Control:
    """`finds` are the violations of which the judge has to name one; a patch is file, old, new."""

    name: str
    finds: frozenset[str]
    faults: tuple[Fault, ...]
    patches: tuple[tuple[str, str, str], ...] = ()
    appendfsync: str = "always"
    is_replayed: bool = False


def _at(seconds: float, kind: str, lasts: float = 0.2) -> Fault:
    return Fault(kind, seconds, lasts, chance=1)


_TOO_EARLY = (
    "([self._inbox.ack(group) for group in begun], self._acknowledge(begun, lanes.store(begun)))[1]"
)
# What is answered while a table is locked waits in the inbox; then it is seen what became of it.
_LOCKED_AND_CUT = (_at(3, "a table locked", 3.5), _at(5, "Redis loses power", 0.5))

CONTROLS = (
    Control(
        "AOF everysec, and the power fails",
        frozenset({"missing"}),
        _LOCKED_AND_CUT,
        appendfsync="everysec",
    ),
    Control(
        "ON CONFLICT removed",
        frozenset({"stored twice", "stored and quarantined", "innocent events in quarantine"}),
        tuple(_at(at, "answers of PostgreSQL lost", 1.0) for at in (3, 6, 9)),
        (
            ("workers/sql/copy.py", " ON CONFLICT DO NOTHING", ""),
            # Which alone breaks nothing: what is stored is kept out of quarantine all the same.
            (
                "workers/facts/quarantine.py",
                "WHERE NOT EXISTS (SELECT FROM events WHERE receipt = %(receipt)s)",
                "WHERE true",
            ),
        ),
    ),
    Control(
        "acknowledgement before commit",
        frozenset({"missing"}),
        tuple(
            fault
            for at in (3.0, 7.0)
            for fault in (_at(at, "a table locked", 2.5), _at(at + 1.5, "SIGKILL of all workers"))
        ),
        (
            (
                "workers/drain/drain.py",
                "self._acknowledge(begun, lanes.store(begun))",
                _TOO_EARLY,
            ),
        ),
    ),
    Control(
        "a skipped decision",
        frozenset({"differing decisions"}),
        (),
        (
            (
                "workers/drain/group_store.py",
                "derive(connection, events, self.decide)",
                "derive(connection, [one for one in events if one.receipt.int % 3] or events[:1])",
            ),
        ),
        is_replayed=True,
    ),
)
# What the first control does to a product whose promises stand.
SOUND = Control("AOF always, and the power fails", frozenset(), _LOCKED_AND_CUT)


def patched_tree(control: Control, folder: Path) -> Path | None:
    """A copy of the product with the patches, None without any. Raises PatchDoesNotFit."""
    if not control.patches:
        return None
    for package in _PACKAGES:
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name, old, new in control.patches:
        text = (folder / name).read_text()
        if old not in text:
            raise PatchDoesNotFit(f"{name} has no {old!r}")
        (folder / name).write_text(text.replace(old, new))
    return folder
