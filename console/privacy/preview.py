"""Counts what an erasure would touch, before anybody decides about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from console.apps.apps import App
from console.resources import Resources
from shared.database import run
from shared.day_files.rows import rows_of_receipts
from shared.errors import OperatorError
from shared.privacy.copies import count_quarantined, refused_requests
from shared.privacy.identities import IdKind, PersonId, person_id
from shared.privacy.person import find_person

SHOWN_USERS_MAX = 20

_RECEIPTS = "SELECT receipt FROM signals WHERE user_ref = ANY(%s)"
_COUNTS = """
SELECT
    (SELECT count(*) FROM signals JOIN events ON events.receipt = signals.receipt
     WHERE user_ref = ANY(%(users)s)),
    (SELECT count(*) FROM attributions WHERE user_ref = ANY(%(users)s)),
    (SELECT count(*) FROM callbacks WHERE app_id = %(app)s AND (
        user_ref = ANY(%(users)s) OR receipt = ANY(%(receipts)s::uuid[])
        OR click_id = ANY(%(click_ids)s)
    ))
"""


@dataclass(frozen=True)
class ErasurePreview:
    """The extent of an erasure: users, of whom the first are named, and rows by kind.

    `other_ids` are the ids besides the named ones of which nothing would be stored any more.
    """

    app: str
    users: list[str]
    counts: dict[str, int]
    other_ids: int


def read_ids(given: Mapping[IdKind, str | None]) -> list[PersonId]:
    """Reads the ids that were given. Raises BadValue; OperatorError if there is none."""
    ids = [person_id(kind, text) for kind, text in given.items() if text]
    if not ids:
        raise OperatorError(
            "Name the person by a user ID, a device ID, a click ID or the receipt ID of an event.",
            "Use `--user`, `--device`, `--click` or `--event`.",
        )
    return ids


def preview_erasure(resources: Resources, app: App, ids: list[PersonId]) -> ErasurePreview:
    """Counts what would be erased, as the erasure counts what it has.

    Though it may be nothing, the ids are buried all the same.
    """
    connection = resources.connection
    subject = find_person(connection, app.id, ids)
    users = [user.id for user in subject.users]
    arguments = {
        "app": app.id,
        "users": users,
        "receipts": [click.receipt for click in subject.clicks],
        "click_ids": [click.click_id for click in subject.clicks],
    }
    receipts = [receipt for (receipt,) in run(connection, _RECEIPTS, (users,))]
    with rows_of_receipts(connection, receipts, app.id):
        [(events, attributions, callbacks)] = run(connection, _COUNTS, arguments).fetchall()
    return ErasurePreview(
        app=app.name,
        users=[f"{user.environment}: {user.user_id}" for user in subject.users[:SHOWN_USERS_MAX]],
        counts={
            "users": len(users),
            "events": events,
            "attributions": attributions,
            "clicks": len(subject.clicks),
            "callbacks": callbacks,
            "quarantine": count_quarantined(connection, app.id, subject.ids),
            "rejections": len(refused_requests(resources.redis, app.id, subject.ids)),
        },
        other_ids=len(subject.ids - frozenset(ids)),
    )
