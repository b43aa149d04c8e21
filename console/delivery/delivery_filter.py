"""Reads which callbacks are wanted, by the names that the page and the HTTP API use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from console.moments import read_moment
from shared.callbacks.activities import Activity
from shared.errors import BadValue
from shared.zones.app_days import UTC_DAYS, AppDays

STATES = ("waiting", "delivered", "failed", "withheld")
FIELDS = (
    *("endpoint_id", "partner", "state", "reason", "activity", "user_id", "click_id"),
    *("callback_id", "from", "to"),
)
_ID_MAX = 2**63 - 1  # bigint


@dataclass(frozen=True, kw_only=True)
class DeliveryFilter:
    """A choice of callbacks; None leaves a part open. Times are of when they became due."""

    endpoint_id: int | None = None
    partner: str | None = None
    state: str | None = None
    reason: str | None = None
    activity: str | None = None
    environment: str | None = None
    user_id: str | None = None
    click_id: str | None = None
    callback_id: UUID | None = None
    receipt: UUID | None = None
    begin: datetime | None = None
    end: datetime | None = None


def read_delivery_filter(values: Mapping[str, str], days: AppDays = UTC_DAYS) -> DeliveryFilter:
    """Reads the fields of FIELDS, times by the clock of `days`; an empty one is open.

    Raises BadValue.
    """
    given = {name: text for name, text in values.items() if text}
    return DeliveryFilter(
        endpoint_id=_number(given.get("endpoint_id")),
        partner=given.get("partner"),
        state=_choice("state", given.get("state"), STATES),
        reason=given.get("reason"),
        activity=_choice("activity", given.get("activity"), tuple(map(str, Activity))),
        user_id=given.get("user_id"),
        click_id=given.get("click_id"),
        callback_id=_callback_id(given.get("callback_id")),
        begin=read_moment("from", given.get("from"), days),
        end=read_moment("to", given.get("to"), days, end_of_day=True),
    )


def _choice(name: str, text: str | None, choices: tuple[str, ...]) -> str | None:
    if text is not None and text not in choices:
        raise BadValue(name, f"must be one of {', '.join(choices)}.")
    return text


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= _ID_MAX):
        raise BadValue("endpoint-id", "must be the number of an endpoint.")
    return int(text)


def _callback_id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        raise BadValue("callback-id", "must be the ID of a callback.") from None
