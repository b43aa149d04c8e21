"""Shows the progress of a long command as a bar, where a person is watching."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from console.commands.terminal.output import console_on

Advance = Callable[[int, int | None], None]


@contextmanager
def progress_bar(label: str, *, enabled: bool) -> Iterator[Advance]:
    """Shows a bar on standard error, and yields the function that advances it.

    That function takes the amount done and the total, None if the total is unknown. Nothing is
    shown unless standard error is a terminal.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    hidden = not (enabled and sys.stderr.isatty())
    bar = Progress(*columns, TimeRemainingColumn(), console=console_on(sys.stderr), disable=hidden)
    with bar:
        task = bar.add_task(label, total=None)

        def advance(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
