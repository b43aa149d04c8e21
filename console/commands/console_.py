"""`waybill console`"""

import click

from console.commands.terminal.options import json_option
from console.commands.terminal.output import show
from console.commands.terminal.serving import serve_here
from console.connections import CommandContext, load_settings
from deploy import programs
from deploy.listen import Listen


@click.command("console")
@click.option("--listen", default="127.0.0.1:8081", show_default=True, metavar="HOST:PORT")
@json_option
@click.pass_obj
def console_(context: CommandContext, listen: str, as_json: bool) -> None:
    """Serve the web console until Ctrl-C, beside stores that run elsewhere."""
    address = Listen.parse(listen)
    address.check_free()
    load_settings(context)  # its faults before anything is said
    show({"url": address.url}, f"The console answers at {address.url}.", as_json=as_json)
    serve_here(context, programs.console(address))
