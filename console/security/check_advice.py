"""Advises a developer how to fix a request of the integration check."""

from collections.abc import Container, Iterator

from shared.events import BUILT_IN
from shared.fields import EVENT_AGE_DAYS_MAX, EVENT_AHEAD_DAYS_MAX
from shared.integration_log import IntegrationLogEntry
from shared.tokens import TokenFault

TIME_FIELDS = frozenset({"created_at_unix", "created_at", "event_time"})

_TOKEN_ADVICE = {
    TokenFault.MISSING: "has no token. Send `Authorization: Bearer` and the app's token.",
    TokenFault.SEVERAL: "has several tokens. Send only one.",
    TokenFault.WRONG: "has an unknown token. Compare it with the app's tokens.",
    TokenFault.INACTIVE: "has {token}, which is deactivated or revoked. Use an active one.",
    TokenFault.EXPIRED: "has {token}, which has expired. Use one that has not.",
    TokenFault.OTHER_APP: "has a token of another app. Send one of this app.",
    TokenFault.SCOPE: (
        "has {token}, which lacks the scope {scope}. Add it to the token, or use one that has it."
    ),
}
_ENCOURAGED = (
    "It is highly encouraged: without it a user cannot be attributed by IP address and device."
)
_TIME = (
    "is refused for {field}: it must be a time at most {back} days back and {ahead} day ahead. "
    "Check the sender's clock, and whether it sends seconds or milliseconds."
)
_UNKNOWN_TYPE = (
    "is refused for its event_token: no event type of this app has it. Compare it with the app's "
    "event types."
)


def find_problems(
    entry: IntegrationLogEntry, token: str | None, mapping_ids: Container[str]
) -> Iterator[str]:
    """Yields the problems of a request as sentences; equal sentences are the same problem.

    `token` is the name of the request's token. `mapping_ids` are those of the app's event types.
    """
    call = entry.endpoint
    if entry.fault is not None:
        named = "a token" if token is None else f"the token {token}"
        yield f"{call} {_TOKEN_ADVICE[entry.fault].format(token=named, scope=entry.scope)}"
    if entry.code is not None:
        if not entry.enforced and entry.status < 500:  # one that only came too early is correct
            yield f"{call} {_refusal_advice(entry)}"
        return
    for name in entry.missing:
        yield f"{call} is sent without {name}. {_ENCOURAGED}"
    if entry.event_id and entry.event_id not in BUILT_IN and entry.event_id not in mapping_ids:
        yield (
            f"{call} reports the event ID {entry.event_id}, which has no event type. Create one: "
            "it includes the events that were received before."
        )


def _refusal_advice(entry: IntegrationLogEntry) -> str:
    if entry.field in TIME_FIELDS:
        return _TIME.format(field=entry.field, back=EVENT_AGE_DAYS_MAX, ahead=EVENT_AHEAD_DAYS_MAX)
    if entry.field == "event_token":
        return _UNKNOWN_TYPE
    where = "" if entry.field is None else f" for {entry.field}"
    return f"is refused{where}: {entry.code}. The response tells how to fix it."
