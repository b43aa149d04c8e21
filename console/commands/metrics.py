"""`waybill metrics`"""

import os

import click

from console.options import json_option
from console.output import show
from console.stores import Place, environment_here
from deploy import programs
from deploy.listen import Listen


@click.command()
@click.option("--listen", default="127.0.0.1:8082", show_default=True, metavar="HOST:PORT")
@json_option
@click.pass_obj
def metrics(place: Place, listen: str, as_json: bool) -> None:
    """Serve the pipeline's metrics and health until Ctrl-C."""
    address = Listen.parse(listen)
    address.check_free()
    variables = environment_here(place)
    url = f"{address.url}/metrics"
    show({"url": url}, f"The metrics of the pipeline are at {url}.", as_json=as_json)
    argv = programs.metrics(address).argv
    os.chdir("/")  # Python looks for modules in the current folder first: not in the caller's
    os.execve(argv[0], argv, variables)  # noqa: S606 - gunicorn in our place, with its signals
