"""Counts what an erasure would touch, before anybody decides about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from console.apps.apps import App
from console.resources import Resources
from shared.database import run
from shared.errors import OperatorError
from shared.privacy.identities import IdKind, PersonId, person_id
from shared.privacy.subject import find_subject

SHOWN_USERS_MAX = 20

_COUNTS = """
SELECT
    (SELECT count(*) FROM signals WHERE user_ref = ANY(%(users)s)),
    (SELECT count(*) FROM sessions WHERE user_ref = ANY(%(users)s)),
    (SELECT count(*) FROM attributions WHERE user_ref = ANY(%(users)s)),
    (SELECT count(*) FROM callbacks WHERE user_ref = ANY(%(users)s))
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
    """Counts what would be erased; though it may be nothing, the ids are buried all the same."""
    subject = find_subject(resources.connection, app.id, ids)
    users = [user.id for user in subject.users]
    [(events, sessions, attributions, callbacks)] = run(
        resources.connection, _COUNTS, {"users": users}
    ).fetchall()
    return ErasurePreview(
        app=app.name,
        users=[f"{user.environment}: {user.user_id}" for user in subject.users[:SHOWN_USERS_MAX]],
        counts={
            "users": len(users),
            "events": events,
            "sessions": sessions,
            "attributions": attributions,
            "clicks": len(subject.clicks),
            "callbacks": callbacks,
        },
        other_ids=len(subject.ids - frozenset(ids)),
    )
