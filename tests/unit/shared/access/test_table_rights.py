"""The declared rights in PostgreSQL: of every table, and as the statements need them."""

import re
from collections import defaultdict

import pytest

from shared.access.grantees import DATABASE_GRANTEES, Grantee
from shared.access.table_rights import FUNCTION_RIGHTS, SEQUENCE_RIGHTS, TABLE_RIGHTS
from tests.unit.shared.access.statement_rights import ROOT, TABLES, rights_in, texts_of

# The source of each program but metrics; what only the owner of the tables runs is left out.
SOURCES = {
    Grantee.WORKERS: (["workers"], []),
    Grantee.CONSOLE: (["console"], ["console/backup/", "console/keys/"]),
}
# What a program calls in `shared/`, where a function is not of one program alone.
CALLED = {
    Grantee.WORKERS: {
        "installation": "raw",  # shared.publishing
        "tokens": "rw",  # shared.keys.rehashing
        "tombstones": "raw",  # shared.privacy.tombstones
        "upload_pieces": "rd",  # shared.imports.upload
        "link_prices": "r",  # shared.callbacks.conversion_facts
        "partners": "r",
        "day_files": "rawd",  # shared.day_files.catalog
        "replaced_day_files": "rad",
        "day_file_folders": "raw",
    },
    Grantee.CONSOLE: {
        "installation": "raw",
        "sharing_choices": "r",  # shared.privacy.sharing_choices
        "view_device_ids": "r",  # shared.privacy.subject
        "click_device_ids": "r",
        "day_files": "rw",  # shared.day_files.catalog
        "replaced_day_files": "r",
        "day_file_folders": "raw",
    },
}
# What the console reads to explain a decision, by the functions that make it.
EXPLAINED = {"activity", "click_uses", "run_marks", "wide_identifiers", "view_device_ids"}


def needed(grantee: Grantee) -> dict[str, set[str]]:
    """Returns the rights in each table that the statements of a program need."""
    rights: dict[str, set[str]] = defaultdict(set)
    for _, text in texts_of(*SOURCES[grantee]):
        for table, right in rights_in(text):
            rights[table].add(right)
    for table, letters in CALLED[grantee].items():
        rights[table] |= set(letters)
    if grantee is Grantee.CONSOLE:
        for table in EXPLAINED:
            rights[table].add("r")
    return rights


def declared(grantee: Grantee) -> dict[str, set[str]]:
    column = DATABASE_GRANTEES.index(grantee)
    return {table: set(rights[column]) for table, rights in TABLE_RIGHTS.items()}


def test_every_table_has_its_rights_declared_and_no_other() -> None:
    assert set(TABLE_RIGHTS) == TABLES


def test_every_sequence_and_function_has_its_rights_declared_and_no_other() -> None:
    schema = (ROOT / "shared/schema.sql").read_text()
    named = set(re.findall(r"^CREATE (?:SEQUENCE|FUNCTION) (\w+)", schema, re.MULTILINE))

    assert {*SEQUENCE_RIGHTS, *FUNCTION_RIGHTS} == named


@pytest.mark.parametrize("grantee", SOURCES)
def test_a_program_may_do_what_its_statements_do(grantee: Grantee) -> None:
    granted = declared(grantee)
    lacking = {
        table: rights - granted[table]
        for table, rights in needed(grantee).items()
        if rights - granted[table]
    }

    assert lacking == {}


@pytest.mark.parametrize("grantee", SOURCES)
def test_a_program_may_do_nothing_that_no_statement_does(grantee: Grantee) -> None:
    rights = needed(grantee)
    unused = {
        table: letters - rights[table]
        for table, letters in declared(grantee).items()
        if letters - rights[table]
    }

    assert unused == {}


def test_metrics_only_read_and_only_what_they_count() -> None:
    read = {table for _, text in texts_of(["console/metrics"]) for table, _ in rights_in(text)}

    assert declared(Grantee.METRICS) == {
        table: {"r"} if table in read else set() for table in TABLE_RIGHTS
    }


def test_nobody_changes_what_the_audit_log_has_and_workers_alone_delete_from_it() -> None:
    assert declared(Grantee.WORKERS)["audit_log"] == {"r", "a", "d"}
    assert declared(Grantee.CONSOLE)["audit_log"] == {"r", "a"}
    assert declared(Grantee.METRICS)["audit_log"] == set()


def test_workers_cannot_read_who_signs_in() -> None:
    for table in ("people", "console_sessions", "one_time_links", "console_keys", "app_roles"):
        assert declared(Grantee.WORKERS)[table] == set()


def test_ingest_has_no_role_in_postgresql() -> None:
    assert set(Grantee) - set(DATABASE_GRANTEES) == {Grantee.INGEST}


@pytest.mark.parametrize(
    ("text", "rights"),
    [
        ("SELECT * FROM apps JOIN links ON true", {("apps", "r"), ("links", "r")}),
        ("INSERT INTO apps (id) VALUES (1)", {("apps", "a")}),
        ("INSERT INTO apps (id) SELECT 1 ON CONFLICT DO NOTHING", {("apps", "a"), ("apps", "r")}),
        ("UPDATE apps\nSET id = 1", {("apps", "w"), ("apps", "r")}),
        ("DELETE FROM apps USING links", {("apps", "d"), ("apps", "r"), ("links", "r")}),
        ("SELECT FROM apps FOR UPDATE OF apps", {("apps", "r"), ("apps", "w")}),
        ("COPY events", {("events", "a")}),
        ("-- FROM apps\nSELECT 1", set()),
    ],
)
def test_the_rights_of_a_statement_are_found(text: str, rights: set[tuple[str, str]]) -> None:
    assert set(rights_in(text)) == rights
