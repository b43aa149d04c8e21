"""Names what an alert can be about, and the limits of each."""

from enum import StrEnum

SILENCE_MINUTES_MIN, SILENCE_MINUTES_MAX, SILENCE_MINUTES = 5, 1_440, 60
TOKEN_EXPIRY_DAYS = 7  # before a token expires, people have a week to rotate it
HOUR_COUNT_MIN = 20  # within an hour; fewer are nobody's emergency
HOUR_FACTOR = 3  # times as many as in a usual hour
FAILURES_MIN = 10  # attempts in a row, or callbacks within an hour that failed for good


class AlertKind(StrEnum):
    """A condition of an app of which people want to hear."""

    SILENCE = "silence"
    REJECTIONS = "rejections"
    UNMAPPED = "unmapped"
    CALLBACKS_FAILING = "callbacks_failing"
    QUARANTINE = "quarantine"
    TOKEN_EXPIRING = "token_expiring"  # noqa: S105 - the name of a condition
    ENDPOINT_DISABLED = "endpoint_disabled"
    DAY_FILES = "day_files"


class AlertChannel(StrEnum):
    """A way by which alerts reach people."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    MAIL = "mail"


LABELS = {
    AlertKind.SILENCE: "No events, though usual",
    AlertKind.REJECTIONS: "Rejected requests are up",
    AlertKind.UNMAPPED: "Unmapped events are up",
    AlertKind.CALLBACKS_FAILING: "Callbacks fail",
    AlertKind.QUARANTINE: "Events in quarantine",
    AlertKind.TOKEN_EXPIRING: "A token is about to expire",
    AlertKind.ENDPOINT_DISABLED: "A callback endpoint is disabled",
    AlertKind.DAY_FILES: "Day files are missing or damaged",
}
EXPLANATIONS = {
    AlertKind.SILENCE: "No event for so many minutes, although there usually are some at this "
    "time of the day.",
    AlertKind.REJECTIONS: f"At least {HOUR_COUNT_MIN} refused requests within an hour, and "
    f"{HOUR_FACTOR} times as many as in a usual hour.",
    AlertKind.UNMAPPED: f"At least {HOUR_COUNT_MIN} events without an event type within an hour, "
    f"and {HOUR_FACTOR} times as many as in a usual hour.",
    AlertKind.CALLBACKS_FAILING: f"{FAILURES_MIN} attempts in a row at an endpoint have failed, or "
    f"{FAILURES_MIN} callbacks failed for good within an hour.",
    AlertKind.QUARANTINE: "Events of the app could not be stored and wait to be replayed, or "
    "a batch could not be read, which may be of any app.",
    AlertKind.TOKEN_EXPIRING: f"A token that is in force expires within {TOKEN_EXPIRY_DAYS} days.",
    AlertKind.ENDPOINT_DISABLED: "An endpoint failed for a day or is gone, and gets nothing more.",
    AlertKind.DAY_FILES: "Files with events of closed days are missing, or not what was written.",
}
