"""A user's timeline at the terminal: one line for each thing that happened, in time order."""

from rich.console import RenderableType
from rich.text import Text

from console.commands.terminal.output import lines, pairs, table
from console.lookup.timeline_words import TimelineEntry, format_instant, timeline_entries
from console.lookup.user_timeline import UserTimeline


def describe_user(user: UserTimeline) -> list[RenderableType]:
    return [_head(user), table(("time", "", "what"), map(_cells, timeline_entries(user)))]


def _head(user: UserTimeline) -> RenderableType:
    return pairs(
        (
            ("user", user.user_id),
            ("app", f"{user.app}, {user.environment}"),
            (
                "first seen",
                format_instant(user.first_time) if user.first_time else "not decided yet",
            ),
            ("device ids", ", ".join(user.device_ids) or None),
        )
    )


def _cells(moment: TimelineEntry) -> tuple[str, str, Text]:
    told = lines(moment.lines)
    if moment.superseded:
        told.stylize("dim")
    return format_instant(moment.time), moment.kind, told
