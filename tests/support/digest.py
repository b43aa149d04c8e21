"""Digests of what was derived from the facts: equal for two runs exactly if the tables agree.

    DATABASE_URL=… python -m tests.support.digest

Rows are identified by names instead of row numbers. Receipts, the times of decisions and superseded
decisions are left out: what arrives in another order may be decided more often.
"""

import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import psycopg

_USER = "apps.name, users.environment, users.user_id"
_OF_USER = """
    JOIN users ON users.id = {table}.user_ref
    JOIN apps ON apps.id = users.app_id
"""
# A link by its names: in another database it may have another number.
_ORIGIN = "origin_kind, coalesce(links.name, origin) AS origin"
_LINK = "LEFT JOIN links ON links.id = CASE origin_kind WHEN 'link' THEN origin::bigint END"

QUERIES = {
    "users": f"""
        SELECT {_USER}, first_time,
               ARRAY(SELECT unnest(device_ids) ORDER BY 1) AS device_ids,
               ARRAY(SELECT unnest(click_ids) ORDER BY 1) AS click_ids
        FROM users JOIN apps ON apps.id = users.app_id
    """,
    "attributions": f"""
        SELECT {_USER}, attributions.event_time, rule, attributions.click_id, {_ORIGIN}, through,
               beaten, considered, is_reattribution, attributions.rules_version
        FROM attributions {_OF_USER.format(table="attributions")} {_LINK}
        WHERE superseded_at IS NULL
    """,
    "sessions": f"""
        SELECT {_USER}, start_time, last_activity, opens, events
        FROM sessions {_OF_USER.format(table="sessions")}
    """,
    "activity": f"SELECT {_USER}, day FROM activity {_OF_USER.format(table='activity')}",
    "events": """
        SELECT apps.name, environment, kind, user_id, event_id, event_time, sale_amount, click_id
        FROM events JOIN apps ON apps.id = events.app_id
    """,
    "clicks": f"""
        SELECT apps.name, environment, kind, clicks.click_id, event_time, {_ORIGIN}
        FROM clicks JOIN apps ON apps.id = clicks.app_id {_LINK}
    """,
}


@dataclass(frozen=True)
class Digest:
    rows: int
    sha256: str


def digests(database_url: str, folder: Path | None = None) -> dict[str, Digest]:
    """Returns a digest by table; events and clicks are the facts, the others are derived from them.

    With a folder, the rows of each table are written there too, for comparison.
    """
    digests: dict[str, Digest] = {}
    with psycopg.connect(database_url, options="-c timezone=UTC") as connection:
        for table, query in QUERIES.items():
            path = Path(os.devnull) if folder is None else folder / f"{table}.ndjson"
            with path.open("wb") as file:
                digests[table] = _digest(connection, query, file)
    return digests


def _digest(connection: psycopg.Connection, query: str, file: BinaryIO) -> Digest:
    rows, digest = 0, sha256()
    # Each row as one text, in byte order: a total order, whatever the columns are.
    statement = f'SELECT row_to_json(told)::text COLLATE "C" FROM ({query}) AS told ORDER BY 1'
    with connection.cursor("digest") as cursor:
        cursor.itersize = 10_000
        for (text,) in cursor.execute(statement.encode()):
            rows += 1
            line = text.encode() + b"\n"
            digest.update(line)
            file.write(line)
    return Digest(rows, digest.hexdigest())


def main() -> None:
    for table, digest in digests(os.environ["DATABASE_URL"]).items():
        print(f"{table:14}{digest.rows:10,}  {digest.sha256}")


if __name__ == "__main__":
    main()
