"""Options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from shared.events import Environment
from shared.scopes import Scope

Command = TypeVar("Command", bound=Callable[..., Any])

COUNT_MAX = 10_000


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def app_option(command: Command) -> Command:
    return click.option("--app", "app", required=True, help="The app's name or app token.")(command)


def scope_option(what: str) -> Callable[[Command], Command]:
    """Values of `scopes`, each a Scope."""
    return click.option(
        "--scope",
        "scopes",
        multiple=True,
        type=click.Choice(list(Scope), case_sensitive=False),
        help=f"{what} May be given several times.",
    )


def environment_option(command: Command) -> Command:
    return click.option(
        "--environment",
        type=click.Choice([*Environment], case_sensitive=False),
        default=Environment.PRODUCTION,
        show_default=True,
        help="Events of a test token are of the sandbox.",
    )(command)


def count_option(default: int, what: str) -> Callable[[Command], Command]:
    return click.option(
        "--count",
        type=click.IntRange(1, COUNT_MAX),
        default=default,
        show_default=True,
        help=f"How many {what} to show, newest first.",
    )
