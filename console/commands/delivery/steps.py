"""Makes the commands that endpoints, schedules and alert destinations have in the same form."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import click
from rich.console import RenderableType

from console.apps.apps import App, find_app
from console.commands.terminal.options import app_option, json_option
from console.commands.terminal.output import pairs, show
from console.connections import CommandContext, load_settings, open_resources
from console.resources import Resources
from shared.database import Connection
from shared.errors import OperatorError

Found = TypeVar("Found", bound="Named")
Shown = tuple[object, RenderableType]  # as a document, and for people


class Named(Protocol):
    """A thing of an app that people name."""

    @property
    def name(self) -> str: ...


class SentTest(Protocol):
    """A message that was sent as a test, and what came back."""

    @property
    def delivered(self) -> bool: ...
    @property
    def outcome(self) -> str: ...
    @property
    def status(self) -> int | None: ...
    @property
    def took_ms(self) -> int: ...
    @property
    def answer(self) -> str: ...


def with_options(options: tuple[Callable[[Any], Any], ...]) -> Callable[[Any], Any]:
    """Returns a decorator that adds these options in their order."""

    def decorate(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def given_options(options: dict[str, Any], **choices: type[StrEnum]) -> dict[str, Any]:
    """Leaves out the options that were not given; those of `choices` become their values."""
    given = {name: value for name, value in options.items() if value is not None and value != ()}
    for name, choice in choices.items():
        if name in given:
            text = given[name]
            given[name] = choice(text) if isinstance(text, str) else [*map(choice, text)]
    return given


def step_maker(
    group: click.Group, noun: str, find: Callable[[Connection, App, str], Found]
) -> Callable[[str, str], Callable[[Callable[[Resources, App, Found], Shown | str]], Any]]:
    """Returns a function that makes a command of one that changes a thing and says what it did.

    What it says is shown with the name of the thing, unless it returns a document of its own.
    """

    def named(command_name: str, help_text: str) -> Callable[..., Any]:
        def made(change: Callable[[Resources, App, Found], Shown | str]) -> Any:
            @group.command(command_name, help=help_text)
            @app_option
            @click.argument("named", metavar=noun.upper())
            @json_option
            @click.pass_obj
            def command(context: CommandContext, app: str, named: str, as_json: bool) -> None:
                with open_resources(load_settings(context)) as resources:
                    owner = find_app(resources.connection, app)
                    known = find(resources.connection, owner, named)
                    said = change(resources, owner, known)
                done = {noun: known.name, "done": command_name}
                value, text = (done, said) if isinstance(said, str) else said
                show(value, text, as_json=as_json)

            return change

        return made

    return named


def show_test(result: SentTest, sent: Mapping[str, object], refusal: str, *, as_json: bool) -> None:
    """Shows what was sent as a test, and what came back.

    Raises OperatorError, which says the refusal, if it was not accepted.
    """
    facts = {
        **sent,
        "outcome": result.outcome,
        "status": result.status,
        "took (ms)": result.took_ms,
        "answer": result.answer or None,
    }
    show({"test": result}, pairs(facts.items()), as_json=as_json)
    if not result.delivered:
        raise OperatorError(refusal)
