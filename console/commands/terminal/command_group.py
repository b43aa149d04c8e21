"""A group of commands that accepts aliases and arranges its help in sections."""

from collections.abc import Mapping, Sequence
from typing import Any

import click


class CommandGroup(click.Group):
    """A click group with aliases and a help in sections.

    `aliases` maps another accepted name to the name of a command; `sections` maps a heading of the
    help to the commands below it.
    """

    def __init__(
        self,
        *arguments: Any,
        aliases: Mapping[str, str] | None = None,
        sections: Mapping[str, Sequence[click.Command]] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self._aliases = aliases or {}
        self._sections = sections or {}
        for commands in self._sections.values():
            for command in commands:
                self.add_command(command)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self._aliases.get(cmd_name, cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if not self._sections:
            super().format_commands(ctx, formatter)
            return
        name_width = max(map(len, self.commands))
        text_width = formatter.width - name_width - 6  # which click leaves between the columns
        for heading, commands in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [
                        (
                            str(command.name).ljust(name_width),
                            command.get_short_help_str(text_width),
                        )
                        for command in commands
                    ]
                )
