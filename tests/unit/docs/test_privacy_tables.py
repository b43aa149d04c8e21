"""Tests that somebody has said of every table what it holds of a person, and that it is true."""

import re
from pathlib import Path

import pytest

from console.backup.tables import LEFT_OUT
from tests.unit.docs.test_docs import table, under

ROOT = Path(__file__).parents[3]
SCHEMA = (ROOT / "shared" / "schema.sql").read_text()
PAGE = under((ROOT / "docs" / "privacy.md").read_text(), "## Every table")
ERASING = "\n".join(path.read_text() for path in (ROOT / "workers" / "privacy").glob("*.py"))
# Columns that lead to a person; `value` and `key` are those of identities and of senders.
OF_A_PERSON = {
    *("user_id", "user_ref", "device_id", "device_ids", "click_id", "click_ids", "subject_ids"),
    *("ip_address", "address", "user_agent", "idempotency_key", "parameters", "request"),
}
NOTHING, STAYS = "nothing", "stays"
STATEMENTS = {
    "emptied": r"UPDATE {} SET",
    "renamed": r"UPDATE {} SET user_id",
    "renamed with its click": r"UPDATE {} SET click_id",
    "deleted": r"DELETE FROM {}\b",
}


def _tables() -> dict[str, set[str]]:
    """Returns the columns of each table of the schema."""
    found = re.findall(r"^CREATE TABLE (\w+) \((.*?)^\)", SCHEMA, re.MULTILINE | re.DOTALL)
    return {name: set(re.findall(r"^    (\w+) ", body, re.MULTILINE)) for name, body in found}


def _rows() -> dict[str, tuple[str, str]]:
    """Returns what the page says of each table: what it has of a person, what an erasure does."""
    return {
        name: (holds, erased)
        for cells, holds, erased, _ in table(PAGE)
        for name in re.findall(r"`(\w+)`", cells)
    }


def test_every_table_is_on_the_page_and_every_row_is_a_table() -> None:
    assert _rows().keys() == _tables().keys()
    assert len(_tables()) > 40


@pytest.mark.parametrize("name", sorted(_tables()))
def test_a_table_with_columns_of_a_person_says_so(name: str) -> None:
    holds, _ = _rows()[name]

    if holds.startswith(NOTHING):
        assert _tables()[name].isdisjoint(OF_A_PERSON)


@pytest.mark.parametrize("name", sorted(name for name, (_, how) in _rows().items() if how != STAYS))
def test_an_erasure_does_to_a_table_what_the_page_says(name: str) -> None:
    _, how = _rows()[name]

    if how == "deleted with its callback":
        assert re.search(r"REFERENCES callbacks ON DELETE CASCADE", SCHEMA)
    else:
        assert re.search(STATEMENTS[how].format(name), ERASING), f"no step has {name} {how}"


def test_what_no_step_touches_holds_no_more_than_the_number_of_a_user() -> None:
    allowed = OF_A_PERSON - {"user_ref"}
    of_the_console = {"audit_log", "people"}
    left = {name for name, (_, how) in _rows().items() if how == STAYS} - of_the_console

    assert {name for name in left if not _tables()[name].isdisjoint(allowed)} == set()


def test_the_page_names_what_is_not_in_a_backup() -> None:
    named = {name for name, (holds, _) in _rows().items() if "not in a backup" in holds}

    assert named | {"schema_migrations", "program_logins"} == set(LEFT_OUT)
