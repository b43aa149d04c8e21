"""Says why events of day files cannot be read."""

from shared.day_files.catalog import DayFile
from shared.errors import OperatorError


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
            f"of {file.day}. Bring it back from a copy.",
            "`waybill days verify` compares all of them.",
        )
        self.file = file
        self.fault = fault
