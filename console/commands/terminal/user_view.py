"""Prints a user's timeline: one line for each entry, in time order."""

from rich.console import RenderableType

from console.commands.terminal.output import lines, pairs, table
from console.lookup.timeline_words import format_instant, timeline_entries
from console.lookup.user_timeline import UserTimeline


def describe_user(user: UserTimeline) -> list[RenderableType]:
    summary = pairs(
        (
            ("user ID", user.user_id),
            ("app", f"{user.app}, {user.environment}"),
            (
                "first seen",
                format_instant(user.first_time) if user.first_time else "not decided yet",
            ),
            ("device IDs", ", ".join(user.device_ids) or None),
        )
    )
    rows = []
    for entry in timeline_entries(user):
        details = lines(entry.lines)
        if entry.superseded:
            details.stylize("dim")
        rows.append((format_instant(entry.time), entry.kind, details))
    return [summary, table(("time", "type", "details"), rows)]
