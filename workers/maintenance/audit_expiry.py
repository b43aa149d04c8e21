"""Deletes the oldest entries of the audit log, and keeps what the next one holds of the last.

Only a beginning of the chain is ever deleted, so that what is left can still be verified: from the
anchor on.
"""

from shared.database import Connection, run, transaction

ROWS_AT_ONCE = 50_000  # of one upkeep, each a minute later
_LOCK = "SELECT pg_advisory_xact_lock(7246021)"  # that of `chain_audit_entry`
_DELETE = """
WITH border AS (
    SELECT coalesce(
        min(position) FILTER (WHERE at >= now() - %(days)s * interval '1 day'),
        max(position) + 1
    ) AS kept, min(position) AS first
    FROM audit_log
), last AS (
    SELECT position, digest FROM audit_log, border
    WHERE position < kept AND position < first + %(rows)s
    ORDER BY position DESC LIMIT 1
), anchored AS (
    INSERT INTO audit_anchor (id, position, digest) SELECT 1, position, digest FROM last
    ON CONFLICT (id) DO UPDATE SET
        position = excluded.position, digest = excluded.digest, deleted_at = now()
)
DELETE FROM audit_log USING last WHERE audit_log.position <= last.position
"""


def delete_audit_entries(connection: Connection, days_min: int) -> int:
    """Deletes entries that are older than so many days; 0 keeps all. Returns their number."""
    if not days_min:
        return 0
    with transaction(connection):
        run(connection, _LOCK)
        return run(connection, _DELETE, {"days": days_min, "rows": ROWS_AT_ONCE}).rowcount
