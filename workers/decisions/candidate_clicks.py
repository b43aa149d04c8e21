"""Finds the clicks that could matter to users, in a few statements for any number of users.

These are the clicks that users name, the clicks that share a device id with them, and for a first
signal the clicks from its address and of its platform. What a named click without a source saw of
its visitor is searched for as well, because such a click lends it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from shared.database import Connection
from shared.device_ids import identifying, usable
from workers.core.days import stretches, utc_days
from workers.core.device_matching import platform
from workers.core.devices import Device
from workers.core.evidence import Sighting, sightings
from workers.core.history import Click, Origin, OriginKind, first_located, in_order
from workers.core.rules import CLICK_AGE_MS_MAX
from workers.decisions.load_history import UserCase
from workers.decisions.view_days import cases_with_views
from workers.sql.expressions import as_ms, day_of, from_ms, platform_of, stretch_of
from workers.sql.json_rows import select_for

# A whole carrier may be behind an address, and each of its new users would evaluate every click of
# hours. The latest click wins, so clicks far behind it change nothing but the number of candidates.
CLICKS_OF_A_PLACE_MAX = 250

# Nobody clicks an ad 25 times a day for ten days: a device id that more clicks of one stretch of
# days carry is a machine's, and identifies nobody from then on.
CLICKS_OF_A_DEVICE_MAX = 250

CLICK_COLUMNS = f"""
    click_id, {as_ms("event_time")}, origin_kind, origin, clicks.device_ids,
    clicks.address, clicks.device_family, clicks.device_os, clicks.device_version, device_is_bot,
    clicks.kind = 'impression'
"""

# Each lookup is fenced (OFFSET 0), for the reason given in `workers.decisions.affected_users`.
_CLICKS_NAMED = f"""
SELECT user_ref, matched.*
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, app_id bigint, environment text, click_ids text[] COLLATE "C"
)
CROSS JOIN unnest(sent.click_ids) AS wanted
CROSS JOIN LATERAL (
    SELECT {CLICK_COLUMNS} FROM clicks
    WHERE clicks.app_id = sent.app_id AND clicks.environment = sent.environment
      AND clicks.click_id = wanted AND clicks.kind = 'click'
    OFFSET 0
) AS matched
"""

_CLICKS_OF_DEVICES = f"""
SELECT user_ref, wanted, carried.clicks, matched.*
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, app_id bigint, environment text, identifying text[] COLLATE "C",
    stretches integer[], from_ms bigint, to_ms bigint
)
CROSS JOIN unnest(identifying) AS wanted
CROSS JOIN unnest(stretches) AS stretch
CROSS JOIN LATERAL (
    SELECT click_id, event_time, count(*) OVER () AS clicks FROM (
        SELECT click_id, event_time FROM click_device_ids AS carried
        WHERE {stretch_of("carried.event_time")} = stretch
          AND carried.app_id = sent.app_id AND carried.environment = sent.environment
          AND carried.device_id = wanted
        LIMIT {CLICKS_OF_A_DEVICE_MAX + 1}
    ) AS carried
) AS carried
CROSS JOIN LATERAL (
    SELECT {CLICK_COLUMNS} FROM clicks
    WHERE clicks.app_id = sent.app_id AND clicks.environment = sent.environment
      AND clicks.click_id = carried.click_id
    OFFSET 0
) AS matched
WHERE carried.clicks > {CLICKS_OF_A_DEVICE_MAX}
   OR carried.event_time BETWEEN {from_ms("from_ms")} AND {from_ms("to_ms")}
"""

_CLICKS_SIGHTED = f"""
SELECT user_ref, matched.*
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, app_id bigint, environment text, address text, platform text,
    days date[], from_ms bigint, to_ms bigint
)
CROSS JOIN LATERAL (
    SELECT {CLICK_COLUMNS}
    FROM unnest(days) AS day
    CROSS JOIN LATERAL (
        SELECT * FROM clicks
        WHERE {day_of("clicks.event_time")} = day
          AND clicks.app_id = sent.app_id AND clicks.environment = sent.environment
          AND clicks.address = sent.address
          AND {platform_of("clicks.device_os")} = sent.platform
          AND clicks.kind = 'click'
          AND clicks.event_time BETWEEN {from_ms("from_ms")} AND {from_ms("to_ms")}
        -- In the order of the index, so that no more is read; with ties, so that the order of
        -- arrival does not matter.
        ORDER BY clicks.event_time DESC
        FETCH FIRST {CLICKS_OF_A_PLACE_MAX} ROWS WITH TIES
    ) AS clicks
    ORDER BY clicks.event_time DESC
    FETCH FIRST {CLICKS_OF_A_PLACE_MAX} ROWS WITH TIES
) AS matched
"""

# Of impressions, for a first signal: by device id and by address, unless their link credits none.
_CREDITS_VIEWS = """
    NOT EXISTS (SELECT FROM links WHERE links.id = clicks.link_id AND NOT links.view_through)
"""
_VIEWS_OF_DEVICES = f"""
SELECT user_ref, matched.*
FROM json_to_recordset(%s::json) AS sent (
    user_ref bigint, app_id bigint, environment text, identifying text[] COLLATE "C",
    days date[], from_ms bigint, to_ms bigint
)
CROSS JOIN unnest(identifying) AS wanted
CROSS JOIN LATERAL (
    SELECT found.*
    FROM unnest(days) AS day
    CROSS JOIN LATERAL (
        SELECT click_id, event_time FROM view_device_ids AS carried
        WHERE {day_of("carried.event_time")} = day
          AND carried.app_id = sent.app_id AND carried.environment = sent.environment
          AND carried.device_id = wanted
          AND carried.event_time BETWEEN {from_ms("from_ms")} AND {from_ms("to_ms")}
        ORDER BY carried.event_time DESC
        FETCH FIRST {CLICKS_OF_A_PLACE_MAX} ROWS WITH TIES
    ) AS found
    ORDER BY found.event_time DESC
    FETCH FIRST {CLICKS_OF_A_PLACE_MAX} ROWS WITH TIES
) AS carried
CROSS JOIN LATERAL (
    SELECT {CLICK_COLUMNS} FROM clicks
    WHERE clicks.app_id = sent.app_id AND clicks.environment = sent.environment
      AND clicks.click_id = carried.click_id AND {_CREDITS_VIEWS}
    OFFSET 0
) AS matched
"""
_VIEWS_SIGHTED = _CLICKS_SIGHTED.replace(
    "clicks.kind = 'click'", f"clicks.kind = 'impression' AND {_CREDITS_VIEWS}"
)


class Clicks(msgspec.Struct, frozen=True):
    """The clicks that could matter to users, and the device ids that too many clicks carry."""

    by_user: Mapping[int, tuple[Click, ...]] = {}
    overfull: Mapping[int, frozenset[str]] = {}


def load_clicks(connection: Connection, cases: Sequence[UserCase]) -> Clicks:
    """Loads for each user the clicks that `core.history.History.clicks` requires."""
    by_user: dict[int, dict[str, Click]] = defaultdict(dict)
    apps = {case.user.id: case.tail.app for case in cases}

    def load(statement: str, rows: Iterable[dict[str, object]]) -> None:
        for user, *row in select_for(connection, statement, list(rows)):
            click = read_click(apps[user], row)
            by_user[user][click.id] = click

    load(
        _CLICKS_NAMED,
        (
            {**_user_fields(case), "click_ids": sorted(case.tail.identifying.click_ids)}
            for case in cases
        ),
    )
    lenders = {
        case.user.id: [click for click in by_user[case.user.id].values() if click.origin is None]
        for case in cases
    }
    overfull: dict[int, frozenset[str]] = {}
    rows = [_device_row(case, lenders[case.user.id]) for case in cases]
    for user, device_id, carrying, *row in select_for(connection, _CLICKS_OF_DEVICES, rows):
        if carrying > CLICKS_OF_A_DEVICE_MAX:
            overfull[user] = overfull.get(user, frozenset()) | {device_id}
        else:
            click = read_click(apps[user], row)
            by_user[user][click.id] = click
    load(
        _CLICKS_SIGHTED,
        (
            row
            for case in cases
            for row in _sighting_rows(
                case, lenders[case.user.id], case.rules.click_probabilistic_ms
            )
        ),
    )
    first = cases_with_views(connection, cases)
    views = [case for case in first if case.rules.view_device_id_ms]
    load(_VIEWS_OF_DEVICES, (_view_row(case, lenders[case.user.id]) for case in views))
    views = [case for case in first if case.rules.view_probabilistic_ms]
    load(
        _VIEWS_SIGHTED,
        (
            row
            for case in views
            for row in _sighting_rows(case, lenders[case.user.id], case.rules.view_probabilistic_ms)
        ),
    )
    found = {user: tuple(clicks.values()) for user, clicks in by_user.items()}
    return Clicks(found, overfull)


def _device_row(case: UserCase, lenders: Sequence[Click]) -> dict[str, object]:
    lent = _device_ids(lenders)
    device_ids = case.tail.identifying.device_ids | lent - case.tail.wide.device_ids
    signals = in_order(case.tail.signals)
    from_ms = (signals[0].time_ms if signals else 0) - CLICK_AGE_MS_MAX
    to_ms = signals[-1].time_ms if signals else 0
    return {
        **_user_fields(case),
        "identifying": sorted(device_ids),
        "stretches": stretches(from_ms, to_ms),
        "from_ms": from_ms,
        "to_ms": to_ms,
    }


def _device_ids(lenders: Sequence[Click]) -> frozenset[str]:
    if not lenders:
        return frozenset()
    return identifying(device_id for click in lenders for device_id in click.device_ids)


def _view_row(case: UserCase, lenders: Sequence[Click]) -> dict[str, object]:
    """Returns the device ids by which a first signal finds impressions, and when."""
    lent = _device_ids(lenders)
    to_ms = min(signal.time_ms for signal in case.tail.signals)
    from_ms = to_ms - case.rules.view_device_id_ms
    return {
        **_user_fields(case),
        "identifying": sorted(case.tail.identity.device_ids | lent),
        "days": utc_days(from_ms, to_ms),
        "from_ms": from_ms,
        "to_ms": to_ms,
    }


def _sighting_rows(
    case: UserCase, lenders: Sequence[Click], window_ms: int
) -> Iterable[dict[str, object]]:
    """Yields the addresses and platforms of the first signal, which alone is matched by them."""
    first_ms, seen = sightings_of(case, lenders)
    from_ms = first_ms - window_ms
    days = utc_days(from_ms, first_ms)
    for address, os in sorted({(address, platform(device.os)) for address, device in seen}):
        yield {
            **_user_fields(case),
            "address": address,
            "platform": os,
            "days": days,
            "from_ms": from_ms,
            "to_ms": first_ms,
        }


def sightings_of(case: UserCase, clicks: Iterable[Click]) -> tuple[int, frozenset[Sighting]]:
    """Returns when and where the user was first seen, as they or a lender among `clicks` tell.

    Nothing is seen in a tail that does not hold the first signal.
    """
    if case.tail.prior is not None or not case.tail.signals:
        return 0, frozenset()
    first = first_located(in_order(case.tail.signals))
    seen = sightings(first.address, first.device)
    for click in clicks:
        if click.origin is None and click.id in case.tail.identifying.click_ids:
            seen |= sightings(click.address, click.device)
    return first.time_ms, seen


def _user_fields(case: UserCase) -> dict[str, object]:
    user = case.user
    return {"user_ref": user.id, "app_id": user.app_id, "environment": user.environment}


def read_click(app: str, row: Sequence[Any]) -> Click:
    """Reads a click from CLICK_COLUMNS."""
    click_id, time_ms, kind, name, device_ids, address, *described, is_view = row
    return Click(
        id=click_id,
        time_ms=time_ms,
        app=app,
        origin=None if name is None else Origin(OriginKind(kind), name),
        device_ids=frozenset(usable(device_ids)),
        address=address,
        device=Device(*described),
        is_view=is_view,
    )
