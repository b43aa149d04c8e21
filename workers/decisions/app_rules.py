"""Loads the rules of apps, and which apps have ids of too many users."""

from collections.abc import Iterable

from shared.database import Connection, run
from workers.core.rules import Rules

_RULES = """
SELECT id, rules_version, click_deterministic_ms, click_probabilistic_ms,
       reattribution_window_ms, inactivity_ms, session_timeout_ms, uncertain_devices_max,
       identifier_users_max, view_device_id_ms, view_probabilistic_ms, click_users_max,
       EXISTS (SELECT FROM wide_identifiers WHERE wide_identifiers.app_id = apps.id)
FROM apps WHERE id = ANY(%s)
"""
_FIELDS = (
    "version", "click_deterministic_ms", "click_probabilistic_ms", "reattribution_window_ms",
    "inactivity_ms", "session_timeout_ms", "uncertain_devices_max", "identifier_users_max",
    "view_device_id_ms", "view_probabilistic_ms", "click_users_max",
)  # fmt: skip


def load_rules(connection: Connection, apps: Iterable[int]) -> tuple[dict[int, Rules], set[int]]:
    """Loads the rules of these apps, and those of them that have wide identifiers.

    An app that no longer exists gets the defaults.
    """
    rules = {app: Rules() for app in apps}
    with_wide = set()
    for app, *values, has_wide in run(connection, _RULES, (list(rules),)):
        rules[app] = Rules(**dict(zip(_FIELDS, values, strict=True)))
        if has_wide:
            with_wide.add(app)
    return rules, with_wide
