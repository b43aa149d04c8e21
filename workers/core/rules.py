"""An app's settings, as decisions take them; they are declared where the console sees them too."""

from shared.rules import CLICK_AGE_MS_MAX, DAY_MS, HOUR_MS, LIMITS, MINUTE_MS, Rules

__all__ = ["CLICK_AGE_MS_MAX", "DAY_MS", "HOUR_MS", "LIMITS", "MINUTE_MS", "Rules"]
