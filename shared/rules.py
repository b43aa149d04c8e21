"""Defines an app's settings for attribution and sessions, validated on construction.

The defaults are Waybill's; the limits are those that Adjust allows for the same settings, so that
an app that migrates can keep its settings.
"""

from typing import Final

import msgspec

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS

# No window may be longer, and no older click is read, not even to report that it is too old: this
# bounds the reading of clicks.
CLICK_AGE_MS_MAX: Final = 30 * DAY_MS
# There are a hundred impressions to a click, and who saw one a week ago came for another reason.
VIEW_AGE_MS_MAX: Final = 7 * DAY_MS


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The attribution and session rules of an app. All times are milliseconds.

    An inactivity shorter than the session timeout acts as the timeout: only an open that starts a
    session can start a new attribution. `uncertain_devices_max` is how many devices may have been
    seen behind an address for a match that only the platform speaks for; 0 allows none. A device id
    or click id that more than `identifier_users_max` users name identifies nobody: a household
    names one a handful of times and a tester dozens, a constant that an integrator ships is named
    by thousands. A window of 0 for views turns attribution to impressions off. A `click_users_max`
    of 1 lets a click be credited once, to the first of its users; with 0 it is not used up.

    Raises ValueError, naming the setting, if one is out of range.
    """

    version: int = 1
    click_deterministic_ms: int = 7 * DAY_MS
    click_probabilistic_ms: int = 6 * HOUR_MS
    reattribution_window_ms: int = 7 * DAY_MS
    inactivity_ms: int = 7 * DAY_MS
    session_timeout_ms: int = 30 * MINUTE_MS
    uncertain_devices_max: int = 3
    identifier_users_max: int = 100
    view_device_id_ms: int = DAY_MS
    view_probabilistic_ms: int = 6 * HOUR_MS
    click_users_max: int = 0

    def __post_init__(self) -> None:
        for name, (smallest, largest) in LIMITS.items():
            if not smallest <= getattr(self, name) <= largest:
                raise ValueError(f"{name} must be between {smallest} and {largest}")


LIMITS: Final = {
    "version": (1, 2**31 - 1),
    "click_deterministic_ms": (1, CLICK_AGE_MS_MAX),
    "click_probabilistic_ms": (1, DAY_MS),
    "reattribution_window_ms": (1, CLICK_AGE_MS_MAX),
    "inactivity_ms": (0, 365 * DAY_MS),
    "session_timeout_ms": (1, DAY_MS),
    "uncertain_devices_max": (0, 10),
    "identifier_users_max": (1, 1000),  # a fact decides that many users anew, at a millisecond each
    "view_device_id_ms": (0, VIEW_AGE_MS_MAX),
    "view_probabilistic_ms": (0, DAY_MS),
    "click_users_max": (0, 1),
}
