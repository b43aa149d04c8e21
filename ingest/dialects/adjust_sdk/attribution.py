"""`/attribution`: an SDK asks which campaign its user came from.

An answer with `ask_in` is none yet: the SDK asks again after so many milliseconds. An organic user
has an attribution too, or the SDK would go on asking for ever.
"""

from typing import NamedTuple

from ingest.dialects.adjust_sdk.answers import ASK_IN_MS
from ingest.dialects.common_fields import take_device_ids
from ingest.dialects.dialect import Reply
from ingest.dialects.sdk_replies import json_reply
from ingest.parameters import Parameters
from shared.device_ids import adid_of, usable, user_id_of
from shared.errors import MalformedField, UnknownDevice
from shared.events import Environment
from shared.fields import iso_time
from shared.privacy.identities import PersonId, device_person_ids, ids_of_user
from shared.sdk.known_attributions import KnownAttribution

ORGANIC = "Organic"
LATER_MS = 30_000  # after a hundred seconds: the workers are behind
_NO_DEVICE = "Send a device id, such as web_uuid or google_app_set_id."


class AskingDevice(NamedTuple):
    """The device that asks: its environment, its adid, and the ids by which it may be forgotten."""

    environment: Environment
    adid: str
    ids: frozenset[PersonId]


def asking_device(parameters: Parameters, app_id: int) -> AskingDevice:
    """Returns the device of a call.

    Raises MalformedField; UnknownDevice if no device is named.
    """
    sent = parameters.get("environment").lower() or Environment.PRODUCTION
    try:
        environment = Environment(sent)
    except ValueError as error:
        raise MalformedField("environment", "must be sandbox or production.") from error
    device_ids = take_device_ids(parameters, forgiving=True)
    user_id = user_id_of(device_ids)
    if user_id is None:
        raise UnknownDevice(_NO_DEVICE)
    ids = ids_of_user(app_id, user_id) | device_person_ids(usable(device_ids))
    return AskingDevice(environment, adid_of(app_id, user_id), frozenset(ids))


def attribution_reply(
    adid: str, known: KnownAttribution | None, now_ms: int, time_spent: str = ""
) -> Reply:
    """Answers with the attribution, or, as long as there is none, with when to ask again.

    `time_spent` are the seconds that the user has been there, as the SDK counts them.
    """
    body: dict[str, object] = {
        "adid": adid,
        "timestamp": f"{iso_time(now_ms)}+0000",
        "message": "Attribution found",
        "attribution": _attribution(known or KnownAttribution(now_ms)),
    }
    if known is None:
        ask_in_ms = ASK_IN_MS if len(time_spent) < len("100") else LATER_MS
        body |= {"message": "Attribution pending", "ask_in": ask_in_ms}
    return json_reply(body)


def _attribution(known: KnownAttribution) -> dict[str, str]:
    """Returns what an SDK hands to its app, unless it is told to ask again."""
    network = known.network or ORGANIC
    parts = (network, known.campaign, known.adgroup, known.creative)
    optional = {
        "campaign": known.campaign,
        "adgroup": known.adgroup,
        "creative": known.creative,
        "click_label": known.click_label,
        "deeplink": known.deep_link,
    }
    return {
        "tracker_token": known.offer_id or network.lower(),
        "tracker_name": "::".join(part for part in parts if part),
        "network": network,
        "state": "reattributed" if known.is_reattribution else "installed",
        **{name: value for name, value in optional.items() if value},
    }
