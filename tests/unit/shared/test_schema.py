"""The migrations as files; applying them is tested with a real PostgreSQL."""

import re

from shared.schema import migrations


def test_migrations_come_in_the_order_of_their_numbers_without_a_gap() -> None:
    numbers = [int(name.partition("_")[0]) for name, _ in migrations()]

    assert numbers == list(range(1, len(numbers) + 1))


def test_every_migration_has_a_name_and_statements() -> None:
    for name, sql in migrations():
        assert re.fullmatch(r"\d{4}_[a-z_]+", name)
        assert ";" in sql
