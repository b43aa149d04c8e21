"""Claims callbacks that are due, and writes what became of them, many at a time.

A claim counts the attempt and moves the time on at which the callback is due: if the process dies,
the callback is due again once the claim has lapsed, under the same id.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from shared.callbacks.conversion_facts import ConversionFacts, load_facts
from shared.callbacks.requests import SELECT_FORMER, CallbackEndpoint, Signing
from shared.database import Connection, run, transaction
from shared.day_files.faults import DayFilesUnreadable

CLAIM_SECONDS = 30  # longer than an attempt takes, with everything around it
ENDPOINT_FAILURES_MAX = 20  # attempts in a row, over so many hours, disable an endpoint
FAILING_HOURS_MIN = 24
UNREADABLE_MINUTES = 60  # until somebody may have brought a day file back
GONE = "gone"  # the reason of a callback whose endpoint answered with 410


class DueEndpoint(NamedTuple):
    """An endpoint to which something is to be sent. `failures` are its attempts in a row.

    `payout_only`: it hears of nothing that it is not paid for.
    """

    id: int
    endpoint: CallbackEndpoint
    hosts: tuple[str, ...]
    carried: bool  # the URL is the click's
    answer_contains: str | None
    concurrency_max: int
    rate_max: int | None
    failures: int
    payout_only: bool

    @property
    def is_partners(self) -> bool:
        """Tells whether it is a third party, to whom consent applies."""
        return self.endpoint.is_partners


class Claim(NamedTuple):
    """A callback that this process is to send now; `attempts` counts this attempt.

    `is_unshared`: the owner of the device has chosen that the partner must not hear of it.
    """

    id: UUID
    endpoint_id: int
    attempts: int
    facts: ConversionFacts | None
    is_unshared: bool = False


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an attempt. `due_seconds` is when to try again, None: not any more."""

    callback_id: UUID
    number: int
    endpoint_id: int
    state: str
    reason: str | None
    due_seconds: float | None
    at_ms: int
    request: str
    outcome: str
    status: int | None
    took_ms: int
    answer: str
    is_failure: bool


_ENDPOINTS = f"""
SELECT id, method, url, secret_version, kept_secret, (SELECT key_check FROM installation),
       {SELECT_FORMER}, partner_id IS NOT NULL,
       hosts, answer_contains, concurrency_max, rate_max, failures, payout_only
FROM callback_endpoints
WHERE paused_at IS NULL AND disabled_at IS NULL AND deleted_at IS NULL AND EXISTS (
    SELECT FROM callbacks
    WHERE endpoint_id = callback_endpoints.id AND state = 'waiting' AND due_at <= now()
)
"""
_HAS_DUE = f"SELECT EXISTS ({_ENDPOINTS})"
_CLAIM = f"""
UPDATE callbacks
SET attempts = attempts + 1, attempted_at = now(),
    due_at = now() + interval '{CLAIM_SECONDS} seconds'
FROM unnest(%s::bigint[], %s::integer[]) AS free (endpoint_id, room)
CROSS JOIN LATERAL (
    SELECT id FROM callbacks AS due
    WHERE due.endpoint_id = free.endpoint_id AND state = 'waiting' AND due_at <= now()
    ORDER BY due_at LIMIT free.room
    FOR UPDATE SKIP LOCKED
) AS picked
WHERE callbacks.id = picked.id
RETURNING callbacks.id, callbacks.endpoint_id, callbacks.attempts
"""
# A claim that lapsed may have been taken by another process meanwhile: its attempt counts then.
# What is withheld was not sent: the attempt does not count, so that nothing is corrected later.
_SETTLE = """
WITH sent AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(results)s::json) AS sent (
        callback_id uuid, number integer, state text, reason text, due_seconds double precision,
        at_ms bigint, request text, outcome text, status integer, took_ms integer, answer text
    )
), kept AS (
    INSERT INTO callback_attempts (
        callback_id, number, at, request, outcome, status, took_ms, answer
    )
    SELECT callback_id, number, 'epoch'::timestamptz + at_ms * interval '1 millisecond', request,
           outcome, status, took_ms, answer
    FROM sent JOIN callbacks ON callbacks.id = callback_id
    WHERE sent.state <> 'withheld'
    ON CONFLICT DO NOTHING
)
UPDATE callbacks SET state = sent.state, reason = sent.reason,
    attempts = attempts - (sent.state = 'withheld')::integer,
    due_at = now() + coalesce(due_seconds, 0) * interval '1 second'
FROM sent
WHERE callbacks.id = sent.callback_id
  AND (callbacks.attempts = sent.number OR sent.state = 'delivered')
  AND callbacks.state = 'waiting'
"""
# It was not sent: the attempt does not count. A claim that lapsed and was taken by another process
# meanwhile is not this one's to give back.
_RELEASE = """
UPDATE callbacks SET attempts = attempts - 1, due_at = now()
FROM unnest(%s::uuid[], %s::integer[]) AS returned (id, number)
WHERE callbacks.id = returned.id AND callbacks.attempts = returned.number
  AND callbacks.state = 'waiting'
"""
_PUT_BACK = f"""
UPDATE callbacks SET attempts = attempts - 1,
    due_at = now() + interval '{UNREADABLE_MINUTES} minutes'
WHERE id = ANY(%s)
"""
_COUNT_FAILURES = """
UPDATE callback_endpoints SET
    failures = CASE WHEN succeeded THEN failed ELSE failures + failed END,
    failing_since = CASE
        WHEN failed = 0 THEN NULL
        WHEN succeeded OR failing_since IS NULL THEN now()
        ELSE failing_since
    END
FROM unnest(%s::bigint[], %s::integer[], %s::boolean[]) AS sent (endpoint_id, failed, succeeded)
WHERE id = sent.endpoint_id AND (sent.failed > 0 OR (sent.succeeded AND failures > 0))
"""
_DISABLE_FAILING = f"""
UPDATE callback_endpoints SET disabled_at = now(), disabled_reason = 'failing'
WHERE id = ANY(%s) AND disabled_at IS NULL AND failures >= {ENDPOINT_FAILURES_MAX}
  AND failing_since < now() - interval '{FAILING_HOURS_MIN} hours'
"""
_DISABLE_GONE = """
UPDATE callback_endpoints SET disabled_at = now(), disabled_reason = 'gone'
WHERE id = ANY(%s) AND disabled_at IS NULL
"""


def has_due_callbacks(connection: Connection) -> bool:
    """Tells whether any endpoint that may be sent something has something due."""
    [(is_due,)] = run(connection, _HAS_DUE).fetchall()
    return bool(is_due)


def due_endpoints(connection: Connection) -> list[DueEndpoint]:
    """Finds the endpoints to which something is due. Raises DatabaseError."""
    return [
        DueEndpoint(
            number,
            CallbackEndpoint(
                number, method, url or "", Signing(version, kept, check or b"", former), is_partners
            ),
            tuple(hosts),
            url is None,
            *limits,
        )
        for number, method, url, version, kept, check, former, is_partners, hosts, *limits in run(
            connection, _ENDPOINTS
        )
    ]


def claim(connection: Connection, rooms: Mapping[int, int]) -> list[Claim]:
    """Claims so many callbacks of each endpoint, with what they tell. Raises DatabaseError.

    Those of events in day files that cannot be read at the moment are due again in an hour: alerts
    name the file, and nobody else's callbacks wait for it.
    """
    rows = run(connection, _CLAIM, (list(rooms), list(rooms.values()))).fetchall()
    facts, unreadable = _readable_facts(connection, [row[0] for row in rows])
    if unreadable:
        run(connection, _PUT_BACK, (sorted(unreadable),))
    return [
        Claim(*row, facts.get(row[0]))  # type: ignore[call-arg]
        for row in rows
        if row[0] not in unreadable
    ]


def _readable_facts(
    connection: Connection, ids: Sequence[UUID]
) -> tuple[dict[UUID, ConversionFacts], set[UUID]]:
    """Reads what callbacks are about, and finds by halves those for which that is impossible."""
    try:
        with transaction(connection):
            return load_facts(connection, ids), set()
    except DayFilesUnreadable:
        if len(ids) == 1:
            return {}, set(ids)
    middle = len(ids) // 2
    facts, unreadable = _readable_facts(connection, ids[:middle])
    others, others_unreadable = _readable_facts(connection, ids[middle:])
    return facts | others, unreadable | others_unreadable


def release(connection: Connection, claims: Sequence[Claim]) -> None:
    """Gives back callbacks that were claimed and not sent. Raises DatabaseError."""
    numbers = [each.attempts for each in claims]
    run(connection, _RELEASE, ([each.id for each in claims], numbers))


def write_results(
    connection: Connection, results: Sequence[Result], failing: Collection[int]
) -> None:
    """Writes what became of attempts, in one transaction. Raises DatabaseError.

    `failing` are the endpoints whose last attempt failed.
    """
    document = msgspec.json.encode(results).decode()
    ended = {each.endpoint_id for each in results if each.is_failure or each.reason == GONE}
    changing = ended.union(failing)
    with transaction(connection):
        run(connection, _SETTLE, {"results": document})
        # An endpoint that answers well costs nothing: its count is 0 and stays so.
        _count_failures(connection, [each for each in results if each.endpoint_id in changing])


def _count_failures(connection: Connection, results: Sequence[Result]) -> None:
    """Counts failed attempts in a row by endpoint, and disables those that fail or are gone."""
    failed: dict[int, int] = {}
    succeeded: dict[int, bool] = {}
    for result in results:  # in the order in which they ended
        if result.state == "delivered":
            failed[result.endpoint_id], succeeded[result.endpoint_id] = 0, True
        else:
            failed[result.endpoint_id] = failed.get(result.endpoint_id, 0) + result.is_failure
    endpoints = sorted(failed)
    if gone := sorted({each.endpoint_id for each in results if each.reason == GONE}):
        run(connection, _DISABLE_GONE, (gone,))
    if not endpoints:
        return
    counts = [failed[each] for each in endpoints]
    marks = [succeeded.get(each, False) for each in endpoints]
    run(connection, _COUNT_FAILURES, (endpoints, counts, marks))
    if failing := [each for each in endpoints if failed[each]]:
        run(connection, _DISABLE_FAILING, (failing,))
