"""Reads and changes an app's rules for attribution and sessions; each change is a new version."""

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
class RuleSetting:
    """A rule as people set it: an `option` of the command line, in whole units of `unit_ms`.

    What is not a time is counted one by one: its unit is 1.
    """

    option: str
    rule: str
    unit: str
    unit_ms: int
    help: str

    @property
    def label(self) -> str:
        """Returns the label for a form, which shows the unit elsewhere."""
        return self.option.removesuffix(f"-{self.unit}").replace("-", " ").capitalize()

    @property
    def smallest(self) -> int:
        return -(-LIMITS[self.rule][0] // self.unit_ms)

    @property
    def largest(self) -> int:
        return LIMITS[self.rule][1] // self.unit_ms


SETTINGS = (
    RuleSetting(
        "click-window-days",
        "click_deterministic_ms",
        "days",
        DAY_MS,
        "Lookback window for click-ID and device-ID matches.",
    ),
    RuleSetting(
        "probabilistic-window-hours",
        "click_probabilistic_ms",
        "hours",
        HOUR_MS,
        "Lookback window for matches by IP address and device.",
    ),
    RuleSetting(
        "reattribution-window-days",
        "reattribution_window_ms",
        "days",
        DAY_MS,
        "Reattribution: lookback window for clicks of returning users.",
    ),
    RuleSetting(
        "inactivity-days",
        "inactivity_ms",
        "days",
        DAY_MS,
        "Reattribution: minimum days of inactivity.",
    ),
    RuleSetting(
        "session-timeout-minutes",
        "session_timeout_ms",
        "minutes",
        MINUTE_MS,
        "Inactivity after which a session ends.",
    ),
    RuleSetting(
        "uncertain-match-devices",
        "uncertain_devices_max",
        "devices",
        1,
        "Most devices behind an IP address at which a match by platform alone counts.",
    ),
    RuleSetting(
        "identifier-users",
        "identifier_users_max",
        "users",
        1,
        "Most users who may name a device ID or click ID; one that more name identifies nobody.",
    ),
    RuleSetting(
        "view-window-hours",
        "view_device_id_ms",
        "hours",
        HOUR_MS,
        "Impressions: lookback window for device-ID matches; 0 credits none.",
    ),
    RuleSetting(
        "view-probabilistic-window-hours",
        "view_probabilistic_ms",
        "hours",
        HOUR_MS,
        "Impressions: lookback window for matches by IP address and device; 0 credits none.",
    ),
    RuleSetting(
        "users-per-click",
        "click_users_max",
        "users",
        1,
        "Users whom a click is credited to: 1, the first, uses it up; 0 sets no limit.",
    ),
)

_SELECT = """
    SELECT rules_version, click_deterministic_ms, click_probabilistic_ms, reattribution_window_ms,
           inactivity_ms, session_timeout_ms, uncertain_devices_max, identifier_users_max,
           view_device_id_ms, view_probabilistic_ms, click_users_max
    FROM apps WHERE id = %s
"""
_UPDATE = """
    UPDATE apps SET
        rules_version = %(version)s,
        click_deterministic_ms = %(click_deterministic_ms)s,
        click_probabilistic_ms = %(click_probabilistic_ms)s,
        reattribution_window_ms = %(reattribution_window_ms)s,
        inactivity_ms = %(inactivity_ms)s,
        session_timeout_ms = %(session_timeout_ms)s,
        uncertain_devices_max = %(uncertain_devices_max)s,
        identifier_users_max = %(identifier_users_max)s,
        view_device_id_ms = %(view_device_id_ms)s,
        view_probabilistic_ms = %(view_probabilistic_ms)s,
        click_users_max = %(click_users_max)s
    WHERE id = %(app_id)s
"""


def read_rules(connection: Connection, app: App) -> Rules:
    return _read(connection, app, _SELECT)


def change_rules(
    connection: Connection, actor: Actor, app: App, values: Mapping[str, int]
) -> Rules:
    """Sets these values, by option and in its unit, and returns the rules.

    Values that are all the same as before create no new version. Raises BadValue for a value
    outside its limits, when nothing is changed, and NotAllowed for a viewer.
    """
    require_admin(actor)
    changes = {}
    for setting in (setting for setting in SETTINGS if setting.option in values):
        value = values[setting.option]
        if not setting.smallest <= value <= setting.largest:
            limits = f"must be between {setting.smallest} and {setting.largest} {setting.unit}."
            raise BadValue(setting.option, limits)
        changes[setting.rule] = value * setting.unit_ms
    with transaction(connection):
        current = _read(connection, app, f"{_SELECT} FOR UPDATE")
        if all(getattr(current, rule) == value for rule, value in changes.items()):
            return current
        changed = msgspec.structs.replace(current, version=current.version + 1, **changes)
        before, after = msgspec.structs.asdict(current), msgspec.structs.asdict(changed)
        run(connection, _UPDATE, {**after, "app_id": app.id})
        record_change(connection, actor, app.id, Change(Action.APP_RULES, app.name, before, after))
        return changed


def _read(connection: Connection, app: App, statement: str) -> Rules:
    row = run(connection, statement, (app.id,)).fetchone()
    assert row is not None  # apps are never deleted
    version, *values = row
    settings = (setting.rule for setting in SETTINGS)  # in the order of _SELECT
    return Rules(version=version, **dict(zip(settings, values, strict=True)))
