"""Re-exports an app's attribution rules, which are declared where the console can use them too."""

from shared.rules import (
    CLICK_AGE_MS_MAX,
    DAY_MS,
    HOUR_MS,
    LIMITS,
    MINUTE_MS,
    VIEW_AGE_MS_MAX,
    Rules,
)

__all__ = [
    "CLICK_AGE_MS_MAX",
    "DAY_MS",
    "HOUR_MS",
    "LIMITS",
    "MINUTE_MS",
    "VIEW_AGE_MS_MAX",
    "Rules",
]
