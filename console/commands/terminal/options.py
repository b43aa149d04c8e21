"""Options that several commands share."""

from collections.abc import Callable
from datetime import date
from typing import Any, TypeVar

import click

from console.moments import read_day, read_moment
from console.reports.period import Preset
from shared.errors import BadValue
from shared.events import Environment
from shared.scopes import Scope

Command = TypeVar("Command", bound=Callable[..., Any])

COUNT_MAX = 10_000


class _Read(click.ParamType[date | None]):
    """A day or a time of an option, read as everywhere, or refused in click's words."""

    def __init__(self, name: str, read: Callable[[str, str], date | None]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> date | None:
        if isinstance(value, date):
            return value
        try:
            return self._read(self.name, value.strip())
        except BadValue as error:
            self.fail(error.message, param, ctx)


DAY = _Read("day", read_day)
MOMENT = _Read("time", read_moment)


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def app_option(command: Command) -> Command:
    return click.option("--app", "app", required=True, help="Name or app token of the app.")(
        command
    )


def scope_option(meaning: str) -> Callable[[Command], Command]:
    """Adds `--scope`, passed as `scopes`, a tuple of Scope."""
    return click.option(
        "--scope",
        "scopes",
        multiple=True,
        type=click.Choice(list(Scope), case_sensitive=False),
        help=f"{meaning} Can be given several times.",
    )


def environment_option(command: Command) -> Command:
    return click.option(
        "--environment",
        type=click.Choice([*Environment], case_sensitive=False),
        default=str(Environment.PRODUCTION),
        show_default=True,
        help="Environment of the data; events sent with a test token are in the sandbox.",
    )(command)


def count_option(default: int, items: str) -> Callable[[Command], Command]:
    return click.option(
        "--count",
        type=click.IntRange(1, COUNT_MAX),
        default=default,
        show_default=True,
        help=f"Maximum number of {items} to show, newest first.",
    )


def _day_option(name: str, parameter: str, meaning: str) -> Callable[[Command], Command]:
    """Adds an option that takes a day, passed as a date or None."""
    return click.option(name, parameter, type=DAY, help=meaning)


def day_options(command: Command) -> Command:
    """Adds `--from` and `--to` for what concerns all days without them."""
    first = _day_option("--from", "first", "Only days (UTC) from this one on; with --to.")
    return first(
        _day_option("--to", "last", "Only days (UTC) until this one; with --from.")(command)
    )


def period_options(command: Command) -> Command:
    """Adds `--period`, `--from` and `--to`, passed as `preset`, `first` and `last`, or None."""
    first_help = "First day, in the app's time zone; by default 27 days before the last day."
    first = _day_option("--from", "first", first_help)
    last = _day_option("--to", "last", "Last day, in the app's time zone; by default today.")
    preset = click.option(
        "--period",
        "preset",
        type=click.Choice([str(preset) for preset in Preset], case_sensitive=False),
        callback=lambda _context, _option, name: Preset(name) if name else None,
        help="Period that ends today, or the day, week or month before; not with --from and --to.",
    )
    return preset(first(last(command)))
