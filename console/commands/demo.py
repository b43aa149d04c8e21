"""`waybill demo`"""

import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

from console.demo import Outcome, Played, follow, furnish, send
from console.demo_calls import CALLS
from console.demo_view import played_document, played_summary, played_table
from console.launch import Extent, await_ready, plan_stack, until_stopped
from console.options import json_option
from console.output import say, show
from console.stores import KEY, STORES, Place, open_installation
from deploy.listen import Listen
from deploy.stack import Stack
from shared.errors import OperatorError
from shared.settings import Settings, read_settings

_FOLLOW_SECONDS_MAX = 30.0
_WORKERS = 2


@click.command()
@json_option
@click.pass_obj
def demo(place: Place, as_json: bool) -> int:
    """Start everything in a temporary folder, send Swaarm's documented calls, show the rows."""
    played: Played | None = None
    with until_stopped(), tempfile.TemporaryDirectory(prefix="waybill-demo-") as folder:
        played = _play(Path(folder), own_stores_only(place.variables))
    if played is None:
        raise OperatorError("The demo was interrupted.")
    show(played_document(played), played_table(played), played_summary(played), as_json=as_json)
    return 0 if played.as_documented else 1


def own_stores_only(variables: Mapping[str, str]) -> dict[str, str]:
    """Without the addresses of real stores, where a demo would leave its app behind."""
    real = {name + form for name in (*STORES, KEY) for form in ("", "_FILE")}
    return {name: value for name, value in variables.items() if name not in real}


def free_address() -> Listen:
    """A port of this machine alone that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Listen("127.0.0.1", probe.getsockname()[1])


def _play(data: Path, variables: Mapping[str, str]) -> Played:
    began = time.monotonic()
    extent = Extent(free_address(), _WORKERS)
    with plan_stack(data, variables, extent, say, _furnish) as stack:
        await_ready(stack)
        ready = time.monotonic()
        outcomes = _send_and_follow(stack)
        return Played(tuple(outcomes), ready - began, time.monotonic() - ready)


def _furnish(settings: Settings) -> None:
    with open_installation(settings) as installation:
        furnish(installation)


def _send_and_follow(stack: Stack) -> list[Outcome]:
    assert stack.url is not None
    answers = [(call, send(stack.url, call)) for call in CALLS]
    with open_installation(read_settings(stack.environment)) as installation:
        return follow(installation, answers, stack.watch, _FOLLOW_SECONDS_MAX)
