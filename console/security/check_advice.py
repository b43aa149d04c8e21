"""What a developer should mend, said in plain words, for one request of the integration check."""

from collections.abc import Container, Iterator

from shared.events import BUILT_IN
from shared.fields import EVENT_AGE_DAYS_MAX, EVENT_AHEAD_DAYS_MAX
from shared.integration_log import IntegrationLogEntry
from shared.tokens import TokenFault

TIME_FIELDS = frozenset({"created_at_unix", "created_at", "event_time"})

_OF_FAULT = {
    TokenFault.MISSING: "carries no token. Send `Authorization: Bearer` and the app's token.",
    TokenFault.SEVERAL: "carries several tokens. Send one.",
    TokenFault.WRONG: "carries a token that nobody has. Compare it with the app's tokens.",
    TokenFault.INACTIVE: "carries {token}, which was deactivated or revoked. Use an active one.",
    TokenFault.EXPIRED: "carries {token}, which has expired. Use one that has not.",
    TokenFault.OTHER_APP: "carries a token of another app. Send one of this app.",
    TokenFault.SCOPE: (
        "carries {token}, which lacks the scope {scope}. Add it to the token, or use one that has "
        "it."
    ),
}
_ENCOURAGED = (
    "It is highly encouraged: without it a user cannot be attributed by address and device."
)
_TIME = (
    "is refused for {field}: it has to be a time at most {back} days back and {ahead} day ahead. "
    "Check the clock of the sender, and whether it sends seconds or milliseconds."
)
_UNKNOWN_TYPE = (
    "is refused for its event_token, which is of no event type of this app. Compare it with "
    "the app's event types."
)


def problems_of(
    entry: IntegrationLogEntry, token: str | None, mapping_ids: Container[str]
) -> Iterator[str]:
    """Sentences; equal ones of several requests are one problem.

    `token` is the name of the token that came. `mapping_ids` are those of the app's event types.
    """
    for problem in _problems(entry, token, mapping_ids):
        yield f"{entry.endpoint} {problem}"


def _problems(
    entry: IntegrationLogEntry, token: str | None, mapping_ids: Container[str]
) -> Iterator[str]:
    if entry.fault is not None:
        named = "a token" if token is None else f"the token {token}"
        yield _OF_FAULT[entry.fault].format(token=named, scope=entry.scope)
    if entry.code is not None:
        if not entry.enforced and entry.status < 500:  # what only came too early is no mistake
            yield _refusal(entry)
        return
    for name in entry.missing:
        yield f"comes without {name}. {_ENCOURAGED}"
    if entry.event_id and entry.event_id not in BUILT_IN and entry.event_id not in mapping_ids:
        yield (
            f"reports the event id {entry.event_id}, which has no event type. Make one: "
            "what came before is claimed by it."
        )


def _refusal(entry: IntegrationLogEntry) -> str:
    if entry.field in TIME_FIELDS:
        return _TIME.format(field=entry.field, back=EVENT_AGE_DAYS_MAX, ahead=EVENT_AHEAD_DAYS_MAX)
    if entry.field == "event_token":
        return _UNKNOWN_TYPE
    where = "" if entry.field is None else f" for {entry.field}"
    return f"is refused{where}: {entry.code}. The answer says what to do."
