"""Writes the answers that Adjust's SDKs read.

They take any JSON for the end of a call, whatever its status. Of a refusal's text nothing is read,
but it is the published one, as of the S2S endpoints.
"""

import msgspec

from ingest.dialects.dialect import ErrorReply, Reply
from ingest.dialects.sdk_replies import ANY_ORIGIN, is_to_be_retried, json_reply, text_reply
from shared.device_ids import adid_of
from shared.errors import WaybillError
from shared.events import Event
from shared.fields import iso_time

ASK_IN_MS = 2_000  # time for a worker to store and attribute what has just been accepted


def tracked_reply(event: Event, message: str, ask_in_ms: int | None = None) -> Reply:
    """Answers an accepted call: `ask_in_ms` has the SDK ask for its attribution by then."""
    return json_reply(answer_body(event, message, ask_in_ms), event)


def answer_body(event: Event, message: str, ask_in_ms: int | None = None) -> dict[str, object]:
    """Returns what every answer says: who the device is, when it was heard, and what was done."""
    body: dict[str, object] = {
        "adid": adid_of(event.app_id, event.user_id),
        "timestamp": f"{iso_time(event.received_at_ms)}+0000",
        "message": message,
    }
    return body if ask_in_ms is None else {**body, "ask_in": ask_in_ms}


def opted_out_reply(event: Event) -> Reply:
    """Answers the call of a device that is forgotten: its SDK turns itself off."""
    body = answer_body(event, "Device is opted out")
    return json_reply({**body, "tracking_state": "opted_out"})


def readable_anywhere(reply: Reply) -> Reply:
    """Returns an answer of an S2S endpoint for a page of any origin."""
    return Reply(reply.status, reply.body, {**reply.headers, **ANY_ORIGIN})


def sdk_error_reply(of_servers: ErrorReply) -> ErrorReply:
    """Returns the refusals of an endpoint: the text that servers read, with what SDKs log."""

    def reply(error: WaybillError, app_token: str | None) -> Reply:
        if is_to_be_retried(error):
            return text_reply(error.message, status=error.status)
        body = msgspec.json.decode(of_servers(error, app_token).body, type=dict[str, str])
        return json_reply({**body, "message": body["error"]}, status=error.status)

    return reply
