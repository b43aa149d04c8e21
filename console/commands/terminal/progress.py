"""A bar that shows how far a long command is, where a person looks on."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from console.commands.terminal.output import console_on

Advance = Callable[[int, int | None], None]


@contextmanager
def progress_bar(what: str, *, enabled: bool) -> Iterator[Advance]:
    """Beside the result. Gives a function of what is done and the total, None if that is unknown.

    Nothing is shown unless standard error is a terminal.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    hidden = not (enabled and sys.stderr.isatty())
    bar = Progress(*columns, TimeRemainingColumn(), console=console_on(sys.stderr), disable=hidden)
    with bar:
        task = bar.add_task(what, total=None)

        def advance(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance
