"""An app's rules for attribution and sessions: shown and changed, each change a new version."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from console.actor import Actor, require_admin
from console.apps.apps import App
from console.audit import Action, Change, record_change
from shared.database import Connection, run, transaction
from shared.errors import BadValue
from shared.rules import DAY_MS, HOUR_MS, LIMITS, MINUTE_MS, Rules


@dataclass(frozen=True)
class Setting:
    """A rule as people set it: `option` of the command line, in whole units of `unit_ms`."""

    option: str
    rule: str
    unit: str
    unit_ms: int
    help: str

    @property
    def label(self) -> str:
        """For a form that names the unit elsewhere."""
        return self.option.removesuffix(f"-{self.unit}").replace("-", " ").capitalize()

    @property
    def smallest(self) -> int:
        return -(-LIMITS[self.rule][0] // self.unit_ms)

    @property
    def largest(self) -> int:
        return LIMITS[self.rule][1] // self.unit_ms


SETTINGS = (
    Setting(
        "click-window-days",
        "click_deterministic_ms",
        "days",
        DAY_MS,
        "How old a click may be that is tied by its id or a device id.",
    ),
    Setting(
        "probabilistic-window-hours",
        "click_probabilistic_ms",
        "hours",
        HOUR_MS,
        "How old a click may be that is tied by address and device.",
    ),
    Setting(
        "reattribution-window-days",
        "reattribution_window_ms",
        "days",
        DAY_MS,
        "How old a click may be that brings a user back.",
    ),
    Setting(
        "inactivity-days",
        "inactivity_ms",
        "days",
        DAY_MS,
        "How long a user has to be away to be brought back.",
    ),
    Setting(
        "session-timeout-minutes",
        "session_timeout_ms",
        "minutes",
        MINUTE_MS,
        "How long nothing has to happen for a session to be over.",
    ),
)

_SELECT = """
    SELECT rules_version, click_deterministic_ms, click_probabilistic_ms, reattribution_window_ms,
           inactivity_ms, session_timeout_ms
    FROM apps WHERE id = %s
"""
_UPDATE = """
    UPDATE apps SET
        rules_version = %(version)s,
        click_deterministic_ms = %(click_deterministic_ms)s,
        click_probabilistic_ms = %(click_probabilistic_ms)s,
        reattribution_window_ms = %(reattribution_window_ms)s,
        inactivity_ms = %(inactivity_ms)s,
        session_timeout_ms = %(session_timeout_ms)s
    WHERE id = %(app_id)s
"""


def read_rules(connection: Connection, app: App) -> Rules:
    return _read(connection, app, _SELECT)


def change_rules(
    connection: Connection, actor: Actor, app: App, values: Mapping[str, int]
) -> Rules:
    """The rules with these values, by option and in its unit. What says nothing new changes none.

    Raises BadValue for one out of its limits; then nothing is changed. NotAllowed.
    """
    require_admin(actor)
    changes = {
        setting.rule: _checked(setting, values[setting.option])
        for setting in SETTINGS
        if setting.option in values
    }
    with transaction(connection):
        stand = _read(connection, app, f"{_SELECT} FOR UPDATE")
        if all(getattr(stand, rule) == value for rule, value in changes.items()):
            return stand
        changed = msgspec.structs.replace(stand, version=stand.version + 1, **changes)
        run(connection, _UPDATE, {**msgspec.structs.asdict(changed), "app_id": app.id})
        before, after = msgspec.structs.asdict(stand), msgspec.structs.asdict(changed)
        record_change(connection, actor, app.id, Change(Action.APP_RULES, app.name, before, after))
        return changed


def _checked(setting: Setting, value: int) -> int:
    if not setting.smallest <= value <= setting.largest:
        rule = f"must be between {setting.smallest} and {setting.largest} {setting.unit}."
        raise BadValue(setting.option, rule)
    return value * setting.unit_ms


def _read(connection: Connection, app: App, statement: str) -> Rules:
    row = run(connection, statement, (app.id,)).fetchone()
    assert row is not None  # apps are never deleted
    version, click_ms, probabilistic_ms, reattribution_ms, inactivity_ms, timeout_ms = row
    return Rules(
        version=version,
        click_deterministic_ms=click_ms,
        click_probabilistic_ms=probabilistic_ms,
        reattribution_window_ms=reattribution_ms,
        inactivity_ms=inactivity_ms,
        session_timeout_ms=timeout_ms,
    )
