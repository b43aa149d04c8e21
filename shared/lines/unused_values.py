"""Keeps the values of a line that are none: placeholders, which stay as they were sent."""

from collections.abc import Callable, Mapping

from shared.errors import MalformedField
from shared.integration_log import UnreadReason, UnreadValue, device_id_fault

NUL_RULE = "contains a NUL character. Remove it."

Note = Callable[[UnreadValue], None]


class UnusedValues:
    """The values of one line that are not used. `note` hears of each, for the integration check."""

    __slots__ = ("_kept", "_note")

    def __init__(self, note: Note) -> None:
        self._kept: dict[str, str] = {}
        self._note = note

    def leave(self, name: str, value: str) -> None:
        """Keeps a placeholder under the name of its field. Raises MalformedField for NUL."""
        if "\0" in value:
            raise MalformedField(name, NUL_RULE)
        self._kept[name] = value
        self.note(name, value, UnreadReason.MACRO)

    def note(self, name: str, value: str, reason: UnreadReason) -> None:
        """Notes what is not used; the value only where it is a placeholder and so nobody's."""
        self._note(UnreadValue(reason, name, value if reason is UnreadReason.MACRO else ""))

    def note_device_ids(self, device_ids: Mapping[str, str]) -> None:
        """Notes the device IDs that identify nobody."""
        for kind, value in device_ids.items():
            if reason := device_id_fault(kind, value):
                self.note(kind, value, reason)

    def beside(self, parameters: dict[str, str]) -> dict[str, str]:
        """Returns the parameters of the line with what was kept.

        A parameter that the sender has given such a name keeps it; what was kept is numbered then.
        """
        if not self._kept:
            return parameters
        beside = dict(parameters)
        for name, value in self._kept.items():
            free, number = name, 1
            while beside.get(free, value) != value:
                number += 1
                free = f"{name} ({number})"
            beside[free] = value
        return beside
