"""Where each table would be with several shards, and that no statement stands in the way.

Facts and what is derived from them are of an app, and would be in the schema of its shard, on a
server of their own. The configuration of apps would be on every server, since workers read it
beside facts. What is of the installation would be in one place, which a shard may not reach: so no
table of a shard refers to it, and no statement joins it with one.
"""

import re
from pathlib import Path

from shared.access.table_rights import TABLE_RIGHTS
from tests.unit.shared.shards.test_statements import statements

INSTALLATION = frozenset(
    {
        *("schema_migrations", "program_logins", "audit_log", "audit_anchor"),
        *("people", "provider_accounts", "app_roles", "console_keys", "console_sessions"),
        *("one_time_links", "sign_in_attempts", "second_factors", "recovery_codes"),
        *("pending_sign_ins", "saved_views", "report_schedules", "report_deliveries"),
        *("exchange_rates", "rate_sources", "costs"),
    }
)
CONFIGURATION = frozenset(
    {
        *("installation", "apps", "event_types", "partners", "links", "link_prices", "tokens"),
        *("retention", "alert_destinations", "callback_endpoints"),
    }
)
SHARD = frozenset(
    {
        *("events", "events_default", "unique_events", "idempotency_keys", "duplicates"),
        *("quarantine", "clicks", "click_device_ids", "view_device_ids", "users", "identities"),
        *("sightings", "signals", "attributions", "sessions", "run_marks", "activity"),
        *("set_aside_users", "wide_identifiers", "due_decisions", "click_uses"),
        *("stale_periods", "counted_periods", "day_zones", "large_days", "day_events"),
        *("day_users", "figures", "figure_sums", "reach", "traffic", "traffic_sums"),
        *("place_sums", "earning_sums", "unfinished_decisions"),
        *("earnings", "comebacks", "callbacks", "callback_attempts", "alerts"),
        *("alert_messages", "rejection_hours", "erasures", "erasing_users", "tombstones"),
        *("access_requests", "withheld_events", "sharing_choices", "uploads"),
        *("upload_pieces", "address_truncations", "day_files", "replaced_day_files"),
        "day_file_folders",
    }
)
# Of the configuration, what workers write: each shard its own rows, or through the installation.
WRITTEN_BY_WORKERS = frozenset(
    {"installation", "event_types", "tokens", "retention", "callback_endpoints"}
)
# Of the installation, what workers use: the audit log, in statements of its own.
USED_BY_WORKERS = frozenset({"audit_log", "audit_anchor"})

_SCHEMA = (Path(__file__).parents[4] / "shared" / "schema.sql").read_text()
_TABLE = re.compile(r"^CREATE TABLE (\w+) \((.*?)^\)", re.MULTILINE | re.DOTALL)
_ADDED_KEY = re.compile(r"^ALTER TABLE (\w+)\s+ADD[^;]*?REFERENCES (\w+)", re.MULTILINE)
_ON_CONFLICT = re.compile(
    r"INSERT INTO (\w+)(?:(?!INSERT INTO).)*DO UPDATE\s+SET(.*?)(?:\bRETURNING\b|$)", re.DOTALL
)
_CALL = re.compile(r"\b(\w+)\s*\(")
_NO_FUNCTIONS = frozenset(
    {"coalesce", "greatest", "least", "nullif", "in", "and", "or", "not", "when"}
)
# They depend on their arguments alone, which PostgreSQL knows of them too (provolatile i).
_IMMUTABLE = frozenset({"count", "jsonb_object_keys"})
_USED = re.compile(r"(?:\b(?:FROM|JOIN|INTO|UPDATE|USING|ONLY)|,)\s+(\w+)", re.IGNORECASE)


def references() -> set[tuple[str, str]]:
    """Returns every table that has a foreign key, with the table that it refers to."""
    return {
        (table, referred)
        for table, columns in _TABLE.findall(_SCHEMA)
        for referred in re.findall(r"REFERENCES (\w+)", columns)
    } | set(_ADDED_KEY.findall(_SCHEMA))


def place(table: str) -> str:
    return next(
        name
        for name, tables in (
            ("installation", INSTALLATION),
            ("configuration", CONFIGURATION),
            ("shard", SHARD),
        )
        if table in tables
    )


def test_every_table_has_one_place() -> None:
    places = [*INSTALLATION, *CONFIGURATION, *SHARD]

    assert len(places) == len(set(places))
    assert set(places) == TABLE_RIGHTS.keys()


def test_a_table_refers_to_what_is_on_its_own_server_alone() -> None:
    reachable = {
        "installation": {"installation", "configuration"},
        "configuration": {"configuration"},
        "shard": {"configuration", "shard"},
    }
    found = references()

    assert len(found) > 30
    assert {
        (table, referred)
        for table, referred in found
        if place(referred) not in reachable[place(table)]
    } == set()


def test_no_statement_joins_a_table_of_a_shard_with_one_of_the_installation() -> None:
    joining = {
        (module, *sorted(used & INSTALLATION))
        for module, text in statements()
        for used in [set(_USED.findall(text)) & TABLE_RIGHTS.keys()]
        if used & SHARD and used & INSTALLATION
    }

    assert joining == set()


def test_workers_write_no_more_of_what_others_share_than_is_known() -> None:
    workers = {table: rights[0] for table, rights in TABLE_RIGHTS.items()}

    assert {table for table in INSTALLATION if workers[table]} == USED_BY_WORKERS
    assert {t for t in CONFIGURATION if set(workers[t]) & set("awd")} == WRITTEN_BY_WORKERS


def test_what_a_conflict_writes_to_a_table_of_a_shard_is_computed_from_its_rows_alone() -> None:
    """A node of Citus computes it, and takes no function there whose result depends on the time."""
    written = [
        (module, table, values)
        for module, text in statements()
        for table, values in _ON_CONFLICT.findall(text)
        if table in SHARD
    ]

    assert len(written) > 10
    assert [
        (module, table)
        for module, table, values in written
        if set(map(str.lower, _CALL.findall(values))) - _NO_FUNCTIONS - _IMMUTABLE
        or "current_" in values
    ] == []
