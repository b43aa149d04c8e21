"""Declares what each program may do with each table, in PostgreSQL's own letters.

`r` reads (SELECT), `a` adds rows (INSERT), `w` writes rows that are there (UPDATE), `d` deletes. A
right that is not here is refused. A new table needs a line: a test compares with the schema, and
with the statements of each program.
"""

from typing import NamedTuple

from shared.access.grantees import DATABASE_GRANTEES, Grantee

PRIVILEGES = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}

# Each table's rights of workers, of the console, of metrics.
TABLE_RIGHTS: dict[str, tuple[str, str, str]] = {
    # Configuration
    "installation": ("raw", "raw", ""),
    "apps": ("r", "raw", ""),
    "tokens": ("rw", "raw", ""),
    "event_types": ("rw", "raw", ""),
    "partners": ("r", "raw", ""),
    "links": ("r", "raw", ""),
    "link_prices": ("r", "raw", ""),
    "retention": ("rw", "raw", ""),
    "address_truncations": ("rwd", "rad", ""),
    # Facts
    "events": ("rawd", "r", ""),
    "events_default": ("", "", ""),  # reached through `events`
    "day_files": ("rawd", "rw", "r"),
    "replaced_day_files": ("rad", "r", ""),
    "day_file_folders": ("raw", "raw", ""),
    "unique_events": ("raw", "", ""),
    "idempotency_keys": ("rad", "r", ""),
    "duplicates": ("rad", "r", ""),
    "quarantine": ("rawd", "rw", "r"),
    "clicks": ("rawd", "r", ""),
    "click_device_ids": ("rad", "r", ""),
    "view_device_ids": ("rad", "r", ""),
    "users": ("raw", "r", ""),
    "identities": ("rad", "r", ""),
    "sightings": ("rad", "r", ""),
    "signals": ("raw", "r", ""),
    # Decisions
    "attributions": ("rawd", "r", ""),
    "sessions": ("rawd", "r", ""),
    "run_marks": ("rawd", "r", "r"),
    "activity": ("rad", "r", ""),
    "set_aside_users": ("rawd", "r", "r"),
    "wide_identifiers": ("rawd", "r", "r"),
    "due_decisions": ("rawd", "r", "r"),
    "unfinished_decisions": ("rawd", "r", "r"),
    "click_uses": ("rawd", "r", ""),
    # Rollups
    "stale_periods": ("rad", "r", ""),
    "counted_periods": ("rawd", "r", ""),
    "day_zones": ("raw", "", ""),
    "large_days": ("rawd", "", ""),
    "day_events": ("rad", "", ""),
    "day_users": ("rawd", "", ""),
    "figures": ("rad", "r", ""),
    "figure_sums": ("rad", "r", ""),
    "place_sums": ("rad", "r", ""),
    "reach": ("rawd", "r", ""),
    "traffic": ("rad", "r", ""),
    "traffic_sums": ("rad", "r", ""),
    "earnings": ("rad", "r", ""),
    "earning_sums": ("rad", "r", ""),
    "comebacks": ("rawd", "r", ""),
    # Money
    "exchange_rates": ("", "rawd", ""),
    "rate_sources": ("", "raw", ""),
    "costs": ("", "rawd", ""),
    # Callbacks and alerts
    "callback_endpoints": ("rw", "raw", "r"),
    "callbacks": ("rawd", "rw", "r"),
    "callback_attempts": ("ra", "r", ""),
    "alert_destinations": ("r", "raw", ""),
    "alerts": ("rawd", "r", "r"),
    "alert_messages": ("raw", "r", "r"),
    "rejection_hours": ("rawd", "", ""),
    "report_schedules": ("", "raw", ""),
    "report_deliveries": ("", "rawd", ""),
    # Privacy
    "erasures": ("raw", "raw", ""),
    "erasing_users": ("rawd", "", ""),
    "tombstones": ("rawd", "rd", ""),
    "access_requests": ("rd", "rad", ""),
    "withheld_events": ("rad", "r", ""),
    "sharing_choices": ("rawd", "r", ""),
    # Uploaded files
    "uploads": ("rwd", "raw", ""),
    "upload_pieces": ("rd", "ra", ""),
    # People. Nobody changes what the audit log has; a worker deletes its oldest entries.
    "audit_log": ("rad", "ra", ""),
    "audit_anchor": ("raw", "r", ""),
    "people": ("", "raw", ""),
    "app_roles": ("", "rawd", ""),
    "console_sessions": ("", "rawd", ""),
    "one_time_links": ("", "rad", ""),
    "sign_in_attempts": ("", "rawd", ""),
    "second_factors": ("", "rawd", ""),
    "recovery_codes": ("", "rawd", ""),
    "pending_sign_ins": ("", "rad", ""),
    "provider_accounts": ("", "rad", ""),
    "console_keys": ("", "raw", ""),
    "saved_views": ("", "rawd", ""),
    # The owner's own
    "schema_migrations": ("", "r", ""),
    "program_logins": ("", "", ""),
}

SEQUENCE_RIGHTS: dict[str, tuple[Grantee, ...]] = {
    # Whoever publishes a snapshot takes its version from here.
    "snapshot_version": (Grantee.WORKERS, Grantee.CONSOLE),
}

# The first two run with the rights of the owner: only an owner attaches a partition, or drops it.
FUNCTION_RIGHTS: dict[str, tuple[Grantee, ...]] = {
    # `waybill import` runs with the console's rights.
    "create_event_partition": (Grantee.WORKERS, Grantee.CONSOLE),
    "drop_event_partition": (Grantee.WORKERS,),
    # Called by a trigger, with the rights of the owner.
    "chain_new_audit_entry": (),
    "chain_audit_entry": (),
    "audit_field": (),
}


class Privilege(NamedTuple):
    """A right in PostgreSQL: of a kind of object, on one of them."""

    kind: str  # table, sequence, function, schema or database
    name: str
    right: str  # as GRANT names it


def declared_privileges(grantee: Grantee) -> set[Privilege]:
    """Returns all that the role of a program has; the schema and the database have no name."""
    column = DATABASE_GRANTEES.index(grantee)
    tables = {
        Privilege("table", table, PRIVILEGES[letter])
        for table, rights in TABLE_RIGHTS.items()
        for letter in rights[column]
    }
    sequences = {
        Privilege("sequence", name, "USAGE")
        for name, holders in SEQUENCE_RIGHTS.items()
        if grantee in holders
    }
    functions = {
        Privilege("function", name, "EXECUTE")
        for name, holders in FUNCTION_RIGHTS.items()
        if grantee in holders
    }
    # Workers sort rows in temporary tables, and both read events of day files there.
    has_temporary = grantee in {Grantee.WORKERS, Grantee.CONSOLE}
    temporary = {Privilege("database", "", "TEMPORARY")} if has_temporary else set()
    return (
        tables
        | sequences
        | functions
        | temporary
        | {Privilege("schema", "", "USAGE"), Privilege("database", "", "CONNECT")}
    )
