"""The console script: parses the command line, runs one command and prints errors."""

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
from console.store_errors import database_error, redis_error
from shared.database import DatabaseError
from shared.errors import OperatorError, WaybillError
from shared.redis import RedisError
from shared.settings import environment

DATA = ".waybill"


def main() -> None:
    sys.exit(run_command(sys.argv[1:], environment()))


def run_command(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Runs a command and returns its exit status.

    The status is 0 for success, 1 for failure, 2 for a usage error, 130 when interrupted.
    """
    as_json = "--json" in arguments
    try:
        status = waybill.main(
            list(arguments), prog_name="waybill", standalone_mode=False, obj=variables
        )
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        if as_json:
            print_error("usage", error.format_message(), as_json=True)
        else:
            error.show()
        return error.exit_code
    except click.Abort:
        print_error("interrupted", "Interrupted.", as_json=as_json)
        return 130
    except (WaybillError, DatabaseError, RedisError) as error:
        failure = _failure_of(error)
        message = failure.at_terminal if isinstance(failure, OperatorError) else failure.message
        print_error(failure.code, message, as_json=as_json)
        return 1


def _failure_of(error: WaybillError | DatabaseError | RedisError) -> WaybillError:
    """Returns the error that is shown for this one."""
    if isinstance(error, WaybillError):
        return error
    return database_error(error) if isinstance(error, DatabaseError) else redis_error()


@click.group()
@click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [default: .waybill]")
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
