"""Where a link leads, as people write it."""

from console.labels import label
from shared.destinations import DESTINATION_CHARACTERS_MAX, destination_fault
from shared.errors import OperatorError


def read_destination(text: str) -> str:
    """Raises OperatorError that names the rule which the destination breaks."""
    destination = label("--destination", text, DESTINATION_CHARACTERS_MAX)
    if fault := destination_fault(destination):
        raise OperatorError(f"--destination {fault}")
    return destination
