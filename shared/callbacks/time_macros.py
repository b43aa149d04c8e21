"""Declares the macros of times, and of the windows in which an app credits clicks."""

from shared.callbacks.conversion_facts import ConversionFacts
from shared.callbacks.macro import Macro, Read, own

_HOUR_MS = 3_600_000
# Adjust's name of a window, what it is for, and the field that has it.
_WINDOWS = (
    ("click_attribution_window", "clicks matched by an id", "click_deterministic_ms"),
    ("impression_attribution_window", "impressions matched by an id", "view_device_id_ms"),
    ("fingerprint_attribution_window", "clicks without an id", "click_probabilistic_ms"),
    ("probmatching_attribution_window", "clicks without an id", "click_probabilistic_ms"),
    ("reattribution_attribution_window", "a user's return", "reattribution_window_ms"),
    ("inactive_user_definition", "absence before a reattribution", "inactivity_ms"),
)  # fmt: skip


def _seconds(time_ms: int | None) -> str | None:
    return None if time_ms is None else str(time_ms // 1000)


def _hour(time_ms: int | None) -> str | None:
    return None if time_ms is None else str(time_ms // 3_600_000 * 3600)


def _of_click(facts: ConversionFacts) -> int | None:
    return facts.click_time_ms if facts.click_kind != "impression" else None


def _of_impression(facts: ConversionFacts) -> int | None:
    return facts.click_time_ms if facts.click_kind == "impression" else None


def _reattributed_ms(facts: ConversionFacts) -> int | None:
    return facts.attributed_at_ms if facts.activity == "reattribution" else None


def _seconds_to_conversion(facts: ConversionFacts) -> str | None:
    if facts.click_time_ms is None or facts.attributed_at_ms is None:
        return None
    return str((facts.attributed_at_ms - facts.click_time_ms) // 1000)


def _hours(name: str) -> Read:
    """Reads a window of the app in hours, as Adjust writes it."""

    def read(facts: ConversionFacts) -> str | None:
        window_ms = getattr(facts, name)
        return None if window_ms is None else f"{window_ms / _HOUR_MS:g}"

    return read


TIME_MACROS: tuple[Macro, ...] = (
    own("created_at", "time", "When it happened, Unix seconds.", "the event",
         lambda facts: _seconds(facts.event_time_ms)),
    own("created_at_hour", "", "The same, rounded down to the hour.", "the event",
         lambda facts: _hour(facts.event_time_ms)),
    own("created_at_milli", "", "When it happened, Unix milliseconds.", "the event",
         lambda facts: str(facts.event_time_ms)),
    own("installed_at", "", "The user's first activity, Unix seconds.", "the user",
         lambda facts: _seconds(facts.installed_at_ms)),
    own("installed_at_hour", "", "The same, rounded down to the hour.", "the user",
         lambda facts: _hour(facts.installed_at_ms)),
    own("click_time", "click.time", "The credited click, Unix seconds.", "the click",
         lambda facts: _seconds(_of_click(facts))),
    own("click_time_hour", "", "The same, rounded down to the hour.", "the click",
         lambda facts: _hour(_of_click(facts))),
    own("impression_time", "", "The credited impression, Unix seconds.", "the impression",
         lambda facts: _seconds(_of_impression(facts))),
    own("impression_time_hour", "", "The same, rounded down to the hour.", "the impression",
         lambda facts: _hour(_of_impression(facts))),
    own("engagement_time", "", "The credited click or impression, Unix seconds.", "the click",
         lambda facts: _seconds(facts.click_time_ms)),
    own("engagement_time_hour", "", "The same, rounded down to the hour.", "the click",
         lambda facts: _hour(facts.click_time_ms)),
    own("reattributed_at", "", "Of a reattribution its time, Unix seconds.", "the attribution",
         lambda facts: _seconds(_reattributed_ms(facts))),
    own("reattributed_at_hour", "", "The same, rounded down to the hour.", "the attribution",
         lambda facts: _hour(_reattributed_ms(facts))),
    own("attribution_updated_at", "", "Of an updated attribution when it was decided, in seconds.",
         "the callback", lambda facts: _seconds(facts.created_at_ms)
         if facts.activity == "attribution_updated" else None),
    own("conversion_duration", "", "Seconds from the click to the install or reattribution.",
         "the attribution", _seconds_to_conversion),
    *(own(name, "", f"The app's window for {what}, in hours.", "the app's settings", _hours(field))
      for name, what, field in _WINDOWS),
)  # fmt: skip
