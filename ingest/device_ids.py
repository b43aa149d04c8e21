"""Device ids: the parameters that name a device, the same in every dialect and endpoint.

They are kept with the event by kind, as sent. What is junk among them (zeros, `undefined`) is for
attribution to say.
"""

from ingest.parameters import Parameters
from shared import fields
from shared.errors import MalformedField

# Swaarm names idfa and gaid, Adjust the others; its page on S2S parameters has the list.
DEVICE_IDS = frozenset(
    {
        "idfa",  # iOS, advertising
        "idfv",  # iOS, of one vendor's apps
        "persistent_ios_uuid",
        "gaid",  # Android, advertising, as Swaarm spells it
        "gps_adid",  # the same, as Adjust does
        "google_app_set_id",  # Android, of one developer's apps
        "android_id",
        "fire_adid",  # Amazon
        "oaid",  # Android in China
        "win_adid",
        "win_naid",
        "win_hwid",
        "adid",  # Adjust's own
        "web_uuid",
    }
)


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
