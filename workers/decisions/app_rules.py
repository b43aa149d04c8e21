"""Loads the rules of apps, and which apps have ids of too many users."""

from collections.abc import Iterable
from typing import NamedTuple

from shared.database import Connection, run
from shared.zones.app_days import UTC_ZONE
from workers.core.rules import Rules

_RULES = """
SELECT id, rules_version, click_deterministic_ms, click_probabilistic_ms,
       reattribution_window_ms, inactivity_ms, session_timeout_ms, uncertain_devices_max,
       identifier_users_max, view_device_id_ms, view_probabilistic_ms, click_users_max,
       time_zone,
       EXISTS (SELECT FROM wide_identifiers WHERE wide_identifiers.app_id = apps.id)
FROM apps WHERE id = ANY(%s)
"""
_FIELDS = (
    "version", "click_deterministic_ms", "click_probabilistic_ms", "reattribution_window_ms",
    "inactivity_ms", "session_timeout_ms", "uncertain_devices_max", "identifier_users_max",
    "view_device_id_ms", "view_probabilistic_ms", "click_users_max",
)  # fmt: skip


class AppFacts(NamedTuple):
    """What decisions and their rollups have to know of an app."""

    rules: Rules
    zone: str = UTC_ZONE
    has_wide: bool = False


def load_rules(connection: Connection, apps: Iterable[int]) -> dict[int, AppFacts]:
    """Loads the rules of these apps, their zones, and which of them have wide identifiers.

    An app that no longer exists gets the defaults.
    """
    facts = {app: AppFacts(Rules()) for app in apps}
    for app, *values, zone, has_wide in run(connection, _RULES, (list(facts),)):
        facts[app] = AppFacts(Rules(**dict(zip(_FIELDS, values, strict=True))), zone, has_wide)
    return facts
