"""`waybill console`: the web console alone."""

import click

from console.commands.terminal.launch import serve_here
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show
from console.connections import CommandContext, load_settings
from deploy import programs
from deploy.listen import Listen
from shared.access.grantees import Grantee


@click.command("console")
@click.option(
    "--listen",
    default="127.0.0.1:8081",
    show_default=True,
    metavar="HOST:PORT",
    help="Address to listen on.",
)
@json_option
@click.pass_obj
def console_(context: CommandContext, listen: str, as_json: bool) -> None:
    """Serve the web console until Ctrl-C.

    For stores that run elsewhere; `waybill up` serves a console of its own.
    """
    address = Listen.parse(listen)
    address.check_free()
    load_settings(context)  # reports invalid settings before anything is printed
    show({"url": address.url}, f"The console listens at {address.url}.", as_json=as_json)
    serve_here(context, programs.console(address), Grantee.CONSOLE)
