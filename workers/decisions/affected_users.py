"""Finds and locks the users whose decisions a batch may change, each from a moment on.

A user is affected by an event of their own, and by a click that could be theirs: a click that they
name, a click that shares a device id with them, a click from the address of their first signal, and
a click that shares either with a click that they name and that names no source (it lends what it
saw). New users of an address affect others who were new there (`coupling.coupled_users`). Too many
users are harmless, because deciding again changes nothing; none may be missing. An id that more
users name, or more clicks lend, than an app allows identifies nobody, and affects nobody either: no
more rows of it are read than that (`wide_identifiers`).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

import msgspec

from shared.database import Connection, run
from shared.device_ids import identifying_of
from shared.events import CLICK_KINDS, Event
from workers.core.addresses import public_address
from workers.core.days import utc_days
from workers.core.device_matching import platform
from workers.core.history import Identity
from workers.core.rules import CLICK_AGE_MS_MAX, LIMITS, Rules
from workers.decisions.coupling.coupled_users import SIGNALLED
from workers.sql.arrays import id_array, number_array, text_array
from workers.sql.expressions import as_ms, day_of, from_ms, platform_of
from workers.sql.json_rows import Rows, select_for
from workers.user_agents import device_of_event

_USERS_MAX = Rules().identifier_users_max  # of an app that no longer exists
READ_MAX = LIMITS["identifier_users_max"][1] + 1  # users of an id, or its lending clicks

# Each lookup is fenced (OFFSET 0): it then uses its index, one probe for each row. Otherwise a
# planner that expects 100 rows from a document joins whole tables by app first.
_CLICKED = f"""
WITH click AS MATERIALIZED (
    SELECT app_id, environment, click_id COLLATE "C", from_ms,
           identifying::text[] COLLATE "C" AS identifying, nullif(address, '') AS address,
           platform, days::date[] AS days, {from_ms("from_ms")} AS at,
           coalesce(
               (SELECT identifier_users_max FROM apps WHERE apps.id = app_id), {_USERS_MAX}
           ) AS users_max
    FROM unnest(
        %(app_id)s::bigint[], %(environment)s::text[], %(click_id)s::text[], %(from_ms)s::bigint[],
        %(identifying)s::text[], %(address)s::text[], %(platform)s::text[], %(days)s::text[],
        %(kind)s::text[]
    ) AS sent (
        app_id, environment, click_id, from_ms, identifying, address, platform, days, kind
    )
    -- Impressions concern nobody where no app credits them.
    WHERE kind = 'click' OR EXISTS (
        SELECT FROM apps
        WHERE apps.id = app_id AND view_device_id_ms + view_probabilistic_ms > 0
    )
), lender AS MATERIALIZED (
    SELECT click.app_id, click.environment, lent.click_id, click.from_ms, users_max
    FROM click
    CROSS JOIN unnest(identifying) AS wanted
    CROSS JOIN LATERAL (
        SELECT click_id, count(*) OVER () AS clicks FROM (
            SELECT click_id FROM click_device_ids AS lent
            WHERE lent.app_id = click.app_id AND lent.environment = click.environment
              AND lent.device_id = wanted AND lent.lends
              AND lent.event_time BETWEEN at - %(age)s::interval AND at + %(age)s::interval
            LIMIT {READ_MAX}
        ) AS lent
    ) AS lent
    WHERE lent.clicks <= users_max
    UNION
    SELECT click.app_id, click.environment, lent.click_id, click.from_ms, users_max
    FROM click
    CROSS JOIN LATERAL (
        SELECT click_id FROM clicks AS lent
        WHERE lent.app_id = click.app_id AND lent.environment = click.environment
          AND lent.address = click.address
          AND {platform_of("lent.device_os")} = click.platform
          AND lent.kind = 'click' AND lent.origin IS NULL
          AND lent.event_time
              BETWEEN at - %(age)s::interval AND at + %(probabilistic)s::interval
        OFFSET 0
    ) AS lent
), named AS MATERIALIZED (
    SELECT app_id, environment, click_id, from_ms, users_max FROM click
    UNION ALL
    SELECT app_id, environment, click_id, from_ms, users_max FROM lender
), affected AS (
    SELECT found.id, from_ms
    FROM named
    CROSS JOIN LATERAL (
        SELECT id FROM users
        WHERE users.app_id = named.app_id AND users.environment = named.environment
          AND users.user_id = named.click_id
        OFFSET 0
    ) AS found
    UNION ALL
    SELECT found.user_ref, from_ms
    FROM named
    CROSS JOIN LATERAL (
        SELECT user_ref, count(*) OVER () AS users FROM (
            SELECT user_ref FROM identities
            WHERE identities.app_id = named.app_id AND identities.environment = named.environment
              AND identities.kind = 'click' AND identities.value = named.click_id
            LIMIT {READ_MAX}
        ) AS naming
    ) AS found
    WHERE found.users <= users_max
    UNION ALL
    SELECT found.user_ref, from_ms
    FROM click
    CROSS JOIN unnest(identifying) AS wanted
    CROSS JOIN LATERAL (
        SELECT user_ref, count(*) OVER () AS users FROM (
            SELECT user_ref FROM identities
            WHERE identities.app_id = click.app_id AND identities.environment = click.environment
              AND identities.kind = 'device' AND identities.value = wanted
            LIMIT {READ_MAX}
        ) AS naming
    ) AS found
    WHERE found.users <= users_max AND NOT EXISTS (
        SELECT FROM wide_identifiers AS wide
        WHERE wide.app_id = click.app_id AND wide.environment = click.environment
          AND wide.kind = 'device' AND wide.value = wanted AND wide.users_max >= click.users_max
    )
    UNION ALL
    SELECT found.id, from_ms
    FROM click
    CROSS JOIN unnest(days) AS day
    CROSS JOIN LATERAL (
        SELECT user_ref AS id FROM sightings
        WHERE {day_of("sightings.event_time")} = day
          AND sightings.app_id = click.app_id AND sightings.environment = click.environment
          AND sightings.address = click.address
          AND sightings.event_time BETWEEN at AND at + %(probabilistic)s::interval
        OFFSET 0
    ) AS found
)
SELECT id, min(from_ms) FROM affected GROUP BY id
"""

# Sorted before locking, so that workers with the same users wait for one another in one direction.
_LOCK = f"""
SELECT id, app_id, environment, user_id, device_ids, click_ids, {as_ms("first_time")},
       (SELECT {as_ms("decided_before")} FROM retention
        WHERE retention.app_id = users.app_id AND users.first_time < decided_before)
FROM users WHERE id = ANY(%s) AND detached_at IS NULL ORDER BY id FOR UPDATE
"""

_AGE = f"{CLICK_AGE_MS_MAX} milliseconds"
_PROBABILISTIC_MS_MAX = LIMITS["click_probabilistic_ms"][1]
_PROBABILISTIC = f"{_PROBABILISTIC_MS_MAX} milliseconds"


class User(msgspec.Struct, frozen=True):
    """A locked user.

    `known` holds their ids before the decision that is due, `first_ms` the time of their first
    signal, None if no batch or decision has set it yet. What was decided before `kept_before_ms`
    stays, because facts behind it have expired; None: nothing has.
    """

    id: int
    app_id: int
    environment: str
    user_id: str
    known: Identity
    first_ms: int | None
    kept_before_ms: int | None = None


class AffectingClick(NamedTuple):
    """A click as the statement reads it, a row of its arrays; two of the fields are arrays too."""

    app_id: int
    environment: str
    click_id: str
    kind: str
    from_ms: int
    identifying: str
    address: str  # empty: none that locates anybody
    platform: str
    days: str


_NUMBERS = frozenset({"app_id", "from_ms"})


class AffectedUsers(msgspec.Struct, frozen=True):
    """For each affected user the earliest moment (Unix milliseconds) that may change.

    `own` are the users of the events themselves, `others` those whom events or clicks concern too.
    `latest` are the moments of the last of the events of each of the first.
    """

    own: dict[int, int] = {}
    others: dict[int, int] = {}
    latest: dict[int, int] = {}

    def __or__(self, added: "AffectedUsers") -> "AffectedUsers":
        both = self.latest.keys() & added.latest.keys()
        latest = {user: max(self.latest[user], added.latest[user]) for user in both}
        return AffectedUsers(
            _earliest(self.own, added.own),
            _earliest(self.others, added.others),
            {**self.latest, **added.latest, **latest},
        )

    @property
    def all(self) -> dict[int, int]:
        """Returns everybody, the own users first."""
        return _earliest(self.own, self.others)

    @property
    def latest_ms(self) -> dict[int, int]:
        """Returns up to where those are in question whom no click concerns, for all behind it."""
        return {user: at_ms for user, at_ms in self.latest.items() if user not in self.others}


def _earliest(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    both = {user: min(one[user], other[user]) for user in one.keys() & other.keys()}
    return {**one, **other, **both}


def affected_users(connection: Connection, events: Sequence[Event]) -> AffectedUsers:
    """Finds everybody whose decisions these events may change."""
    signals: list[dict[str, object]] = [
        {
            "app_id": event.app_id,
            "environment": event.environment,
            "user_id": event.user_id,
            "address": public_address(event.ip_address),
            "from_ms": event.happened_at_ms,
        }
        for event in events
        if event.kind not in CLICK_KINDS
    ]
    clicks = [
        AffectingClick(
            event.app_id,
            event.environment,
            event.click_id or "",
            event.kind,
            event.happened_at_ms,
            id_array(identifying_of(event.device_ids)),
            public_address(event.ip_address) or "",
            platform(device_of_event(event).os),
            followed_days(event.happened_at_ms),
        )
        for event in events
        if event.kind in CLICK_KINDS
    ]
    return find_affected(connection, signals, clicks)


def followed_days(click_ms: int) -> str:
    """Returns the days on which a click may still match by address, as an array."""
    return _day_array(utc_days(click_ms, click_ms + _PROBABILISTIC_MS_MAX))


@lru_cache(maxsize=1_024)
def _day_array(days: tuple[date, ...]) -> str:
    return "{" + ",".join(map(str, days)) + "}"


def find_affected(
    connection: Connection, signals: Rows, clicks: Sequence[AffectingClick]
) -> AffectedUsers:
    """Finds everybody whose decisions these rows may change, as the statements read them."""
    own: dict[int, int] = {}
    others: dict[int, int] = {}
    latest: dict[int, int] = {}
    for user, at_ms, is_own, last_ms in select_for(connection, SIGNALLED, signals):
        found = own if is_own else others
        found[user] = min(at_ms, found.get(user, at_ms))
        if is_own:
            latest[user] = last_ms
    if clicks:
        columns = dict(zip(AffectingClick._fields, zip(*clicks, strict=True), strict=True))
        arguments = {
            name: number_array(column) if name in _NUMBERS else text_array(column)
            for name, column in columns.items()
        }
        limits = {"age": _AGE, "probabilistic": _PROBABILISTIC}
        others = _earliest(others, dict(run(connection, _CLICKED, {**arguments, **limits})))
    return AffectedUsers(own, others, latest)


def lock_users(connection: Connection, ids: Iterable[int], *, waits: bool = True) -> list[User]:
    """Locks users until the transaction ends; what decisions depend on must be read afterwards.

    Without `waits`, those whom somebody else has locked are left out.
    """
    rows = run(connection, _LOCK if waits else f"{_LOCK} SKIP LOCKED", (list(ids),))
    return [
        User(id_, app, env, user, Identity(frozenset(devices), frozenset(clicks)), first, kept)
        for id_, app, env, user, devices, clicks, first, kept in rows
    ]
