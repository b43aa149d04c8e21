"""Finds the clicks that could matter to users: the ones they name, the ones that share a device id,
and for a first signal the ones from its address and device.

In three statements for any number of users. What a named click without a source saw of its visitor
is looked for as well, because such a click lends it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.database import Connection
from workers.core.days import stretches, utc_days
from workers.core.devices import Device
from workers.core.evidence import sightings
from workers.core.history import Click, Origin, OriginKind, Signal, SignalKind, identity_of
from workers.core.rules import CLICK_AGE_MS_MAX
from workers.decisions.load_history import UserCase
from workers.sql.json_rows import as_ms, day_of, select_for, stretch_of

# Behind one address may be a whole carrier, and each of its new users would weigh every click of
# hours. The latest wins, so those far behind it change nothing but how many there were.
CLICKS_OF_A_PLACE_MAX = 250

_CLICK = f"""
    click_id, {as_ms("event_time")}, origin_kind, origin, clicks.device_ids,
    clicks.address, clicks.device_family, clicks.device_os, clicks.device_version, device_is_bot
"""

# Each look-up is fenced (OFFSET 0), for the reason given in `workers.decisions.affected_users`.
_CLICKS_NAMED = f"""
SELECT user_ref, found.*
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, app_id bigint, environment text, click_ids text[] COLLATE "C"
)
CROSS JOIN unnest(sent.click_ids) AS wanted
CROSS JOIN LATERAL (
    SELECT {_CLICK} FROM clicks
    WHERE clicks.app_id = sent.app_id AND clicks.environment = sent.environment
      AND clicks.click_id = wanted AND clicks.kind = 'click'
    OFFSET 0
) AS found
"""

_CLICKS_OF_DEVICES = f"""
SELECT user_ref, found.*
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, app_id bigint, environment text, identifying text[] COLLATE "C",
    stretches integer[], from_ms bigint, to_ms bigint
)
CROSS JOIN unnest(identifying) AS wanted
CROSS JOIN unnest(stretches) AS stretch
CROSS JOIN LATERAL (
    SELECT click_id FROM click_device_ids AS carried
    WHERE {stretch_of("carried.event_time")} = stretch
      AND carried.app_id = sent.app_id AND carried.environment = sent.environment
      AND carried.device_id = wanted
      AND carried.event_time
          BETWEEN 'epoch'::timestamptz + from_ms * interval '1 millisecond'
              AND 'epoch'::timestamptz + to_ms * interval '1 millisecond'
    OFFSET 0
) AS carried
CROSS JOIN LATERAL (
    SELECT {_CLICK} FROM clicks
    WHERE clicks.app_id = sent.app_id AND clicks.environment = sent.environment
      AND clicks.click_id = carried.click_id
    OFFSET 0
) AS found
"""

_CLICKS_SIGHTED = f"""
SELECT user_ref, found.*
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, app_id bigint, environment text, address text, device_family text,
    device_os text, device_version text, days date[], from_ms bigint, to_ms bigint
)
CROSS JOIN LATERAL (
    SELECT {_CLICK}
    FROM unnest(days) AS day
    CROSS JOIN LATERAL (
        SELECT * FROM clicks
        WHERE {day_of("clicks.event_time")} = day
          AND clicks.app_id = sent.app_id AND clicks.environment = sent.environment
          AND clicks.address = sent.address AND clicks.device_family = sent.device_family
          AND clicks.device_os = sent.device_os AND clicks.device_version = sent.device_version
          AND clicks.kind = 'click'
          AND clicks.event_time
              BETWEEN 'epoch'::timestamptz + from_ms * interval '1 millisecond'
                  AND 'epoch'::timestamptz + to_ms * interval '1 millisecond'
        -- Ordered as the index is, so that no more is read; ties, so that no order of arrival
        -- matters.
        ORDER BY clicks.event_time DESC
        FETCH FIRST {CLICKS_OF_A_PLACE_MAX} ROWS WITH TIES
    ) AS clicks
    ORDER BY clicks.event_time DESC
    FETCH FIRST {CLICKS_OF_A_PLACE_MAX} ROWS WITH TIES
) AS found
"""

Clicks = Mapping[int, tuple[Click, ...]]


def load_clicks(connection: Connection, cases: Sequence[UserCase]) -> Clicks:
    """What `core.history.History.clicks` asks for, by user."""
    found: dict[int, dict[str, Click]] = defaultdict(dict)
    apps = {case.user.id: case.tail.app for case in cases}

    def look(statement: str, questions: Iterable[dict[str, object]]) -> None:
        for user, *row in select_for(connection, statement, list(questions)):
            click = _click(apps[user], row)
            found[user][click.id] = click

    look(_CLICKS_NAMED, (_named(case) for case in cases))
    lenders = {
        case.user.id: [click for click in found[case.user.id].values() if click.origin is None]
        for case in cases
    }
    look(_CLICKS_OF_DEVICES, (_devices(case, lenders[case.user.id]) for case in cases))
    look(
        _CLICKS_SIGHTED,
        (question for case in cases for question in _sighted(case, lenders[case.user.id])),
    )
    return {user: tuple(clicks.values()) for user, clicks in found.items()}


def _named(case: UserCase) -> dict[str, object]:
    return {**_whose(case), "click_ids": sorted(case.tail.identity.click_ids)}


def _devices(case: UserCase, lenders: Sequence[Click]) -> dict[str, object]:
    lent = identity_of(_as_signal(click) for click in lenders)
    device_ids = case.tail.identity.device_ids | lent.device_ids
    times_ms = [signal.time_ms for signal in case.tail.signals] or [0]
    from_ms, to_ms = min(times_ms) - CLICK_AGE_MS_MAX, max(times_ms)
    return {
        **_whose(case),
        "identifying": sorted(device_ids),
        "stretches": stretches(from_ms, to_ms),
        "from_ms": from_ms,
        "to_ms": to_ms,
    }


def _sighted(case: UserCase, lenders: Sequence[Click]) -> Iterable[dict[str, object]]:
    """Only a user's first signal is decided by address and device."""
    if case.tail.prior is not None or not case.tail.signals:
        return
    first = min(case.tail.signals, key=lambda signal: signal.moment)
    seen = sightings(first.address, first.device)
    for click in lenders:
        seen |= sightings(click.address, click.device)
    from_ms = first.time_ms - case.rules.click_probabilistic_ms
    days = utc_days(from_ms, first.time_ms)
    for address, device in sorted(seen, key=str):
        yield {
            **_whose(case),
            "address": address,
            "device_family": device.family,
            "device_os": device.os,
            "device_version": device.os_version,
            "days": days,
            "from_ms": from_ms,
            "to_ms": first.time_ms,
        }


def _whose(case: UserCase) -> dict[str, object]:
    user = case.user
    return {"user_ref": user.id, "app_id": user.app_id, "environment": user.environment}


def _as_signal(click: Click) -> Signal:
    return Signal(
        receipt="", time_ms=click.time_ms, kind=SignalKind.EVENT, device_ids=click.device_ids
    )


def _click(app: str, row: Sequence[Any]) -> Click:
    click_id, time_ms, kind, name, device_ids, address, family, os, version, is_bot = row
    return Click(
        id=click_id,
        time_ms=time_ms,
        app=app,
        origin=None if name is None else Origin(OriginKind(kind), name),
        device_ids=frozenset(device_ids.values()),
        address=address,
        device=Device(family, os, version, is_bot),
    )
