"""Empties the rows of a user, a chunk of their signals in each transaction.

A row keeps its time, type, amount and country, and the user its number: so every report stays as it
is, today's and one that is calculated again. Their name becomes a random one that leads to nobody.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple
from uuid import UUID

from shared.database import Connection, run
from shared.day_files.catalog import files_of_receipts, has_files, receipt_day
from shared.day_files.changes import change_rows
from shared.day_files.rows import rows_of_receipts
from shared.device_ids import identifying
from shared.privacy.identities import IdKind, PersonId, device_person_ids
from workers.rollups.stale_periods import hour_of, mark_stale

SIGNALS_AT_ONCE = 500
DAYS_AT_ONCE = 2  # of which day files are written anew in one transaction

_NEXT_SIGNALS = """
SELECT event_time, receipt, address, device_ids, click_ids FROM signals
WHERE user_ref = %(user)s AND (event_time, receipt) > (%(event_time)s, %(receipt)s)
ORDER BY event_time, receipt LIMIT %(count)s
"""
_KEYS = """
SELECT idempotency_key FROM events
WHERE receipt = ANY(%(receipts)s) AND idempotency_key IS NOT NULL
"""
_EMPTY_EVENTS = """
UPDATE events SET
    user_id = %(pseudonym)s, idempotency_key = NULL, ip_address = NULL, user_agent = NULL,
    event_value = NULL, click_id = NULL, device_ids = '{}', parameters = '{}', would_refuse = NULL
WHERE receipt = ANY(%(receipts)s)
"""
_RENAME_EVENTS = "UPDATE events SET user_id = %(pseudonym)s WHERE receipt = ANY(%(receipts)s)"
_EMPTY_SIGNALS = """
UPDATE signals SET
    address = NULL, device_family = '', device_os = '', device_version = '', device_ids = '{}',
    click_ids = '{}'
WHERE user_ref = %(user)s AND receipt = ANY(%(receipts)s)
  AND event_time BETWEEN %(from)s AND %(to)s
"""
_DELETE_KEYS = """
DELETE FROM idempotency_keys
WHERE app_id = %(app)s AND environment = %(environment)s AND key = ANY(%(keys)s)
"""
_DELETE_SIGHTINGS = """
DELETE FROM sightings USING unnest(%(times)s::timestamptz[], %(addresses)s::text[])
    AS seen (at, place)
WHERE (event_time AT TIME ZONE 'UTC')::date = (seen.at AT TIME ZONE 'UTC')::date
  AND address = seen.place AND app_id = %(app)s AND environment = %(environment)s
  AND event_time = seen.at AND user_ref = %(user)s
"""
_DELETE_IDENTITIES = """
DELETE FROM identities
WHERE app_id = %(app)s AND environment = %(environment)s
  AND (kind = 'device' AND value = ANY(%(device_ids)s)
       OR kind = 'click' AND value = ANY(%(click_ids)s))
  AND user_ref = %(user)s
"""
_DELETE_WIDE = """
DELETE FROM wide_identifiers
WHERE app_id = %(app)s AND environment = %(environment)s
  AND (kind = 'device' AND value = ANY(%(device_ids)s)
       OR kind IN ('click', 'user') AND value = ANY(%(click_ids)s))
"""
_RENAME_UNIQUE_EVENTS = """
UPDATE unique_events SET user_id = %(pseudonym)s
WHERE app_id = %(app)s AND environment = %(environment)s AND user_id = %(user_id)s
  AND event_type_id IN (SELECT id FROM event_types WHERE app_id = %(app)s)
"""
_EMPTY_USER = """
UPDATE users SET
    user_id = %(pseudonym)s, device_ids = '{}', click_ids = '{}', detached_at = now()
WHERE id = %(user)s
"""
_RENAME_USER = """
UPDATE users SET user_id = %(pseudonym)s, detached_at = now() WHERE id = %(user)s
"""
# So that a later erasure finds what the device did before it was reset.
_KEEP_FORMER_NAME = """
INSERT INTO identities (app_id, environment, kind, value, user_ref)
VALUES (%(app)s, %(environment)s, 'click', %(user_id)s, %(user)s) ON CONFLICT DO NOTHING
"""
_DELETE_CALLBACKS = "DELETE FROM callbacks WHERE user_ref = %(user)s"
_DELETE_SUPERSEDED = """
DELETE FROM attributions WHERE user_ref = %(user)s AND superseded_at IS NOT NULL
"""
_EMPTY_ATTRIBUTIONS = """
UPDATE attributions SET through = NULL, beaten = '[]', compared = NULL
WHERE user_ref = %(user)s AND superseded_at IS NULL
"""
# Of clicks that nobody knows; those of known ones are renamed with their click.
_DELETE_CLICK_USES = """
DELETE FROM click_uses
WHERE user_ref = %(user)s AND NOT EXISTS (
    SELECT FROM clicks
    WHERE clicks.click_id = click_uses.click_id AND clicks.app_id = click_uses.app_id
      AND clicks.environment = click_uses.environment
)
"""
_DELETE_SET_ASIDE = "DELETE FROM set_aside_users WHERE user_ref = %(user)s"


_Signal = tuple[datetime, UUID, str | None, list[str], list[str]]


class ErasedUser(NamedTuple):
    """A user who is being erased, and the moment up to which their signals are empty."""

    id: int
    app_id: int
    environment: str
    user_id: str
    pseudonym: str
    event_time: datetime
    receipt: UUID


class EmptiedChunk(NamedTuple):
    """The result of a chunk: how far it came, new ids of the person, rows by table."""

    user: ErasedUser
    is_last: bool
    ids: set[PersonId]
    counts: Counter[str]


def empty_chunk(connection: Connection, user: ErasedUser, *, is_reset: bool) -> EmptiedChunk:
    """Empties the next signals of a user, and the user after the last, in the open transaction.

    With `is_reset` rows keep what they hold, and only no longer belong to the user's ids.
    """
    arguments = {**user._asdict(), "app": user.app_id, "user": user.id, "count": SIGNALS_AT_ONCE}
    found = run(connection, _NEXT_SIGNALS, arguments).fetchall()
    rows = _next_rows(found) if has_files(connection, user.app_id) else found
    counts: Counter[str] = Counter()
    ids: set[PersonId] = set()
    if rows:
        ids = _empty_signals(connection, arguments, rows, counts, is_reset=is_reset)
        user = user._replace(event_time=rows[-1][0], receipt=rows[-1][1])
        # One that was rolled up between two chunks was wrong.
        times_ms = {int(row[0].timestamp()) * 1000 for row in rows}
        hours = [hour_of(user.app_id, user.environment, time_ms) for time_ms in times_ms]
        mark_stale(connection, hours)
    is_last = len(found) < SIGNALS_AT_ONCE and len(rows) == len(found)
    if is_last:
        _empty_user(connection, arguments, counts, is_reset=is_reset)
    return EmptiedChunk(user, is_last, ids, counts)


def _empty_signals(
    connection: Connection,
    arguments: dict[str, object],
    rows: Sequence[_Signal],
    counts: Counter[str],
    *,
    is_reset: bool,
) -> set[PersonId]:
    """Empties signals and their events, and returns the ids that were in them."""
    located = [(at, address) for at, _, address, _, _ in rows if address is not None]
    device_ids = identifying(each for row in rows for each in row[3])
    click_ids = sorted({each for row in rows for each in row[4]})
    arguments = arguments | {
        "receipts": sorted(row[1] for row in rows),
        "from": rows[0][0],
        "to": rows[-1][0],
        "times": [at for at, _ in located],
        "addresses": [address for _, address in located],
        "device_ids": sorted(device_ids),
        "click_ids": sorted({*click_ids, str(arguments["user_id"])}),
    }
    with rows_of_receipts(connection, [row[1] for row in rows]):
        keys = [key for (key,) in run(connection, _KEYS, arguments)]
    run(connection, _DELETE_SIGHTINGS, arguments)
    if is_reset:
        counts["events"] += _change_events(connection, _RENAME_EVENTS, arguments)
        return set()
    run(connection, _DELETE_IDENTITIES, arguments)
    run(connection, _DELETE_WIDE, arguments)
    counts["events"] += _change_events(connection, _EMPTY_EVENTS, arguments)
    run(connection, _DELETE_KEYS, {**arguments, "keys": keys})
    run(connection, _EMPTY_SIGNALS, arguments)
    ids = device_person_ids(device_ids) | {PersonId(IdKind.KEY, key) for key in keys}
    return ids | {PersonId(IdKind.CLICK, click) for click in click_ids}


def _change_events(connection: Connection, statement: str, arguments: dict[str, Any]) -> int:
    """Changes events wherever they are, and returns how many."""
    files = files_of_receipts(connection, arguments["receipts"], arguments["app"])

    def change() -> int:
        return run(connection, statement, arguments).rowcount

    return change() + sum(change_rows(connection, file, change) for file in files)


def _next_rows(rows: Sequence[_Signal]) -> Sequence[_Signal]:
    """Returns the first signals, of a few days: in each step as many day files are written anew."""
    days = list(dict.fromkeys(receipt_day(row[1]) for row in rows))
    last = set(days[:DAYS_AT_ONCE])
    return list(takewhile(lambda row: receipt_day(row[1]) in last, rows))


def _empty_user(
    connection: Connection,
    arguments: dict[str, object],
    counts: Counter[str],
    *,
    is_reset: bool,
) -> None:
    run(connection, _RENAME_UNIQUE_EVENTS, arguments)
    run(connection, _DELETE_SET_ASIDE, arguments)
    if is_reset:
        counts["users"] += run(connection, _RENAME_USER, arguments).rowcount
        run(connection, _KEEP_FORMER_NAME, arguments)
    else:
        counts["users"] += run(connection, _EMPTY_USER, arguments).rowcount
        counts["callbacks"] += run(connection, _DELETE_CALLBACKS, arguments).rowcount
        counts["attributions"] += run(connection, _DELETE_SUPERSEDED, arguments).rowcount
        run(connection, _DELETE_CLICK_USES, arguments)
        counts["attributions"] += run(connection, _EMPTY_ATTRIBUTIONS, arguments).rowcount
