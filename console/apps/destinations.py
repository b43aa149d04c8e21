"""Where a link leads, as people write it."""

from console.validation import label
from shared.destinations import DESTINATION_CHARACTERS_MAX, destination_fault
from shared.errors import BadValue


def read_destination(text: str) -> str:
    """Raises BadValue with the rule that the destination breaks."""
    destination = label("destination", text, DESTINATION_CHARACTERS_MAX)
    if fault := destination_fault(destination):
        raise BadValue("destination", fault)
    return destination
