"""`waybill metrics`: the metrics and health of the pipeline."""

import click

from console.commands.terminal.launch import serve_here
from console.commands.terminal.options import json_option
from console.commands.terminal.output import show
from console.connections import CommandContext, load_settings
from deploy import programs
from deploy.listen import Listen
from shared.access.grantees import Grantee


@click.command()
@click.option(
    "--listen",
    default="127.0.0.1:8082",
    show_default=True,
    metavar="HOST:PORT",
    help="Address to listen on.",
)
@json_option
@click.pass_obj
def metrics(context: CommandContext, listen: str, as_json: bool) -> None:
    """Serve the pipeline's metrics and health until Ctrl-C."""
    address = Listen.parse(listen)
    address.check_free()
    load_settings(context)  # reports invalid settings before anything is printed
    url = f"{address.url}/metrics"
    show({"url": url}, f"The pipeline's metrics are at {url}.", as_json=as_json)
    serve_here(context, programs.metrics(address), Grantee.METRICS)
