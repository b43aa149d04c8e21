"""Names the day files of an app that cannot be read."""

from collections.abc import Iterator

from console.apps.apps import App
from console.security.unread_values import UnreadTotal
from shared.database import Connection, run
from shared.day_files.catalog import faulty_files

_VERIFIED_AT = "SELECT verified_at, written_at FROM day_files WHERE id = %s"


def faulty_totals(connection: Connection, app: App) -> Iterator[UnreadTotal]:
    """Yields each faulty file, with the number of events that nobody finds."""
    for file in faulty_files(connection, app.id):
        [(verified_at, written_at)] = run(connection, _VERIFIED_AT, (file.id,)).fetchall()
        what = (
            f"The day file `{file.name}` is {file.fault}: events of {file.day} cannot be read. "
            "Bring it back from a copy."
        )
        yield UnreadTotal(what, file.event_count, written_at, verified_at)
