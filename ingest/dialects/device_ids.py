"""Takes the parameters that name a device, the same in every dialect and endpoint.

They are kept with the event by kind, as sent, junk too.
"""

from ingest.parameters import Parameters
from shared import fields
from shared.device_ids import DEVICE_IDS
from shared.errors import MalformedField


def take_device_ids(parameters: Parameters, *, forgiving: bool = False) -> dict[str, str]:
    """By kind, as sent. Raises MalformedField, or if `forgiving` leaves what is malformed."""
    device_ids = {}
    for kind, value in parameters.take_each(DEVICE_IDS).items():
        try:
            device_ids[kind] = fields.identifier(kind, value)
        except MalformedField:
            if not forgiving:
                raise
            parameters.keep(kind, value)
    return device_ids
