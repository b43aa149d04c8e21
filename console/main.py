"""The console script: reads the command line, runs one command, turns faults into one sentence."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from console.commands.activity import activity_, retention_
from console.commands.admin import admin
from console.commands.app import app
from console.commands.audit import audit
from console.commands.check import check_
from console.commands.config import config
from console.commands.console_ import console_
from console.commands.demo import demo
from console.commands.event_type import event_type
from console.commands.import_ import import_
from console.commands.key import key
from console.commands.link import link
from console.commands.metrics import metrics
from console.commands.migrate import migrate
from console.commands.quarantine import quarantine
from console.commands.recompute import recompute_
from console.commands.rejections import rejections
from console.commands.report import export_, report_
from console.commands.s2s_security import s2s_security
from console.commands.status import status
from console.commands.terminal.output import print_error
from console.commands.token import token
from console.commands.trace import trace_
from console.commands.up import up
from console.commands.user import user_
from console.commands.workers import workers
from console.connections import CommandContext
from console.store_errors import database_fault, redis_fault
from shared.database import DatabaseError
from shared.errors import OperatorError, WaybillError
from shared.redis import RedisError
from shared.settings import environment

DATA = ".waybill"


def main() -> None:
    sys.exit(run(sys.argv[1:], environment()))


def run(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """The exit status: 0 done, 1 it cannot be done, 2 it was not understood, 130 interrupted."""
    as_json = "--json" in arguments
    try:
        return _run(arguments, variables)
    except click.ClickException as fault:
        if as_json:
            print_error("usage", fault.format_message(), as_json=True)
        else:
            fault.show()
        return fault.exit_code
    except click.Abort:
        print_error("interrupted", "Interrupted.", as_json=as_json)
        return 130
    except OperatorError as error:
        print_error(error.code, error.at_terminal, as_json=as_json)
        return 1
    except WaybillError as error:
        print_error(error.code, error.message, as_json=as_json)
        return 1


def _run(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    try:
        outcome = waybill.main(
            list(arguments), prog_name="waybill", standalone_mode=False, obj=variables
        )
    except DatabaseError as fault:
        raise database_fault(fault) from fault
    except RedisError as fault:
        raise redis_fault() from fault
    return outcome if isinstance(outcome, int) else 0


@click.group()
@click.option("--data", type=click.Path(path_type=Path), help="The data folder, else .waybill.")
@click.version_option(package_name="waybill")
@click.pass_context
def waybill(context: click.Context, data: Path | None) -> None:
    """Waybill: a measurement backend for server-to-server events."""
    variables: Mapping[str, str] = context.obj
    context.obj = CommandContext(data or Path(variables.get("WAYBILL_DATA") or DATA), variables)


for command in (
    up,
    demo,
    app,
    token,
    s2s_security,
    check_,
    event_type,
    link,
    trace_,
    user_,
    activity_,
    retention_,
    report_,
    export_,
    import_,
    recompute_,
    quarantine,
    rejections,
    audit,
    status,
    config,
    metrics,
    workers,
    migrate,
    admin,
    console_,
    key,
):
    waybill.add_command(command)
