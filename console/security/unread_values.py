"""Values that an app's senders sent and that were not used: what they were, how often, which link.

And events that were not stored because their idempotency key belongs to another event.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from console.apps.apps import App
from console.resources import Resources
from shared.database import Connection, run
from shared.integration_log import UnreadReason, UnreadSource, unread_counts

_LINKS = "SELECT id, name FROM links WHERE app_id = %s AND id = ANY(%s)"
_CONFLICTS = """
SELECT count(*), min(received_at), max(received_at) FROM duplicates
WHERE app_id = %s AND conflict AND received_at >= %s
"""
_ADVICE = {
    UnreadReason.MACRO: "It counts as not sent.",
    UnreadReason.FORM: "It is stored, and identifies no device.",
    UnreadReason.NOT_UTF8: "It is kept as it was sent. Percent-encode it as UTF-8.",
    UnreadReason.NUL: "It is kept as it was sent. Remove the character.",
    UnreadReason.SEVERAL: "The first keeps the name, the others are kept under a numbered one.",
    UnreadReason.UNREADABLE: "It is kept as it was sent, and proves nothing.",
    UnreadReason.NAME: "The value is kept in a readable form.",
    UnreadReason.TOO_MANY: "What was too much is kept as one parameter.",
    UnreadReason.BODY: "The click counts by its query alone.",
    UnreadReason.TOKEN: "The click counts as one without a token.",
}


@dataclass(frozen=True)
class UnreadTotal:
    """A value that was not used, in a sentence, how often it came, and when first and last."""

    what: str
    count: int
    since: datetime
    last_at: datetime


def unread_totals(
    resources: Resources, app: App, since_ms: int, tokens: Mapping[int, str]
) -> Iterator[UnreadTotal]:
    """Yields what came since `since_ms`, Unix milliseconds; `tokens` are the names by ID."""
    counts = unread_counts(resources.redis, app.id, since_ms)
    ids = sorted({source.link_id for source in counts if source.link_id})
    links = dict(run(resources.connection, _LINKS, (app.id, ids)).fetchall()) if ids else {}
    for source, count in counts.items():
        what = sentence(source, links.get(source.link_id), tokens.get(source.token_id))
        since, last_at = _moment(count.first_ms), _moment(count.last_ms)
        yield UnreadTotal(what, count.count, since, last_at)
    yield from _key_conflicts(resources.connection, app, since_ms)


def sentence(source: UnreadSource, link: str | None, token: str | None) -> str:
    """Says what was not used, and what became of it."""
    shown = f"{source.name}={source.value}" if source.value else source.name
    by = f", link {link}" if link else f", token {token}" if token else ""
    return f"{source.endpoint} {source.reason}: `{shown}`{by}. {_ADVICE[source.reason]}"


def _key_conflicts(connection: Connection, app: App, since_ms: int) -> Iterator[UnreadTotal]:
    row = run(connection, _CONFLICTS, (app.id, _moment(since_ms))).fetchone()
    assert row is not None
    count, first, last = row
    if count:
        yield UnreadTotal(
            "Events came with an idempotency key that another event has, and were not stored. Give "
            "each event a key of its own.",
            *(count, first, last),
        )


def _moment(time_ms: int) -> datetime:
    return datetime.fromtimestamp(time_ms / 1000, UTC)
