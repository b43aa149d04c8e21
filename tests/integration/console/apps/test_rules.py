import pytest

from console.apps.apps import App, create_app
from console.apps.rules import change_rules, read_rules
from console.resources import Resources
from shared.database import Connection
from shared.errors import BadValue
from shared.rules import DAY_MS, HOUR_MS, MINUTE_MS, Rules
from tests.support.build import ADMIN


def test_a_new_app_has_the_default_rules(connection: Connection, shop: App) -> None:
    assert read_rules(connection, shop) == Rules()


def test_each_change_is_a_new_version_and_leaves_the_rest(
    resources: Resources, connection: Connection, shop: App
) -> None:
    other = create_app(resources, ADMIN, "Other")

    change_rules(connection, ADMIN, shop, {"click-window-days": 14, "session-timeout-minutes": 5})
    changed = change_rules(connection, ADMIN, shop, {"probabilistic-window-hours": 1})

    assert changed == read_rules(connection, shop) == Rules(
        version=3,
        click_deterministic_ms=14 * DAY_MS,
        click_probabilistic_ms=HOUR_MS,
        session_timeout_ms=5 * MINUTE_MS,
    )  # fmt: skip
    assert read_rules(connection, other) == Rules()


def test_what_says_nothing_new_is_no_change(connection: Connection, shop: App) -> None:
    assert change_rules(connection, ADMIN, shop, {"inactivity-days": 7}) == Rules()
    assert read_rules(connection, shop) == Rules()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("click-window-days", 0),
        ("click-window-days", 31),
        ("probabilistic-window-hours", 25),
        ("reattribution-window-days", -1),
        ("inactivity-days", 366),
        ("session-timeout-minutes", 1441),
    ],
)
def test_a_value_out_of_its_limits_is_named_and_changes_nothing(
    connection: Connection, shop: App, option: str, value: int
) -> None:
    good = {"session-timeout-minutes": 5, "inactivity-days": 0}

    with pytest.raises(BadValue, match="must be between") as refusal:
        change_rules(connection, ADMIN, shop, {**good, option: value})

    assert refusal.value.at_terminal.startswith(f"--{option} must be between")
    assert read_rules(connection, shop) == Rules()
