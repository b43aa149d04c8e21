"""Says why events of day files cannot be read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.database import Connection
from shared.day_files.catalog import DayFile, note_verified
from shared.errors import OperatorError

MARKER = ".waybill-day-files"  # in each folder since it was first used


class DayFilesUnreadable(OperatorError):
    """Events of closed days that cannot be read here, at the moment or for good."""

    code = "day_files_unreadable"


class DayFileFault(DayFilesUnreadable):
    """A day file that is missing, or is not what was written. `file` and `fault` say which."""

    code = "day_file_fault"

    def __init__(self, file: DayFile, fault: str) -> None:
        told = "is missing" if fault == "missing" else "is damaged: its checksum is another"
        super().__init__(
            f"The day file {file.name} in {file.folder} {told}. It has {file.event_count} events "
            f"of {file.day}. {_advice(file)}",
            "`waybill days verify` compares all of them.",
        )
        self.file = file
        self.fault = fault


def _advice(file: DayFile) -> str:
    if (Path(file.folder) / MARKER).exists():
        return "Bring it back from a copy."
    return f"The folder has no {MARKER}: mount its volume."


@contextmanager
def unreadable_if_faulty(*kinds: type[Exception]) -> Iterator[None]:
    """Raises DayFilesUnreadable instead of a fault of the disk, or of these kinds.

    Its text has no value of a row, which that of the fault may have.
    """
    faults: tuple[type[Exception], ...] = (OSError, *kinds)
    try:
        yield
    except faults as error:
        what = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise DayFilesUnreadable(
            f"A day file could not be read or written: {what}.",
            "Look whether its volume is mounted, and whether TMPDIR is full.",
        ) from error


def note_fault(connection: Connection, error: DayFilesUnreadable) -> bool:
    """Notes which file is missing or damaged, outside of a transaction that ends with the error.

    From then on alerts name it, and what only has to look at each file once goes on to the next.
    Tells whether the error is of one file.
    """
    if not isinstance(error, DayFileFault):
        return False
    note_verified(connection, error.file, error.fault)
    return True
