"""The `waybill` command: parses arguments, runs one command, reports an error in one sentence."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from console.apps.archive import Archivable
from console.commands.admin import admin
from console.commands.app import app
from console.commands.archive.archive_commands import add_archive_commands, point
from console.commands.archive.partner import partner
from console.commands.audit import audit
from console.commands.check import check_
from console.commands.config import config
from console.commands.console_ import console_
from console.commands.delivery.alert import alert
from console.commands.delivery.callback import callback
from console.commands.delivery.schedule import schedule
from console.commands.demo import demo
from console.commands.event_type import event_type
from console.commands.import_ import import_
from console.commands.key import key
from console.commands.link import link
from console.commands.lookup.browse import events, users
from console.commands.lookup.why import why
from console.commands.measurement.activity import activity_, retention_
from console.commands.measurement.cohorts import cohorts_
from console.commands.measurement.cost import cost
from console.commands.measurement.funnel import funnel_
from console.commands.measurement.rates import rates
from console.commands.measurement.report import export_, report_
from console.commands.metrics import metrics
from console.commands.migrate import migrate
from console.commands.pipeline.jobs import jobs
from console.commands.privacy.privacy import privacy
from console.commands.quarantine import quarantine
from console.commands.recompute import recompute_
from console.commands.rejections import rejections
from console.commands.s2s_security import s2s_security
from console.commands.status import status
from console.commands.storage.access import access
from console.commands.storage.backup import backup
from console.commands.storage.days import days
from console.commands.storage.restore import restore_
from console.commands.terminal.command_group import CommandGroup
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

SECTIONS = {
    "Start": (demo, up),
    "Apps and senders": (
        *(app, token, s2s_security, event_type, partner, link, callback),
        *(alert, check_),
    ),
    "Events and users": (events, users, trace_, user_, why, import_, export_, privacy),
    "Measurement": (
        *(report_, schedule, activity_, retention_, cohorts_, funnel_, cost, recompute_, rates),
    ),
    "Operation": (status, config, jobs, rejections, quarantine, audit, backup, restore_, days),
    "Console accounts": (admin, key),
    "Individual programs": (migrate, access, workers, console_, metrics),
}


add_archive_commands(app, Archivable.APP)
add_archive_commands(event_type, Archivable.EVENT_TYPE)
add_archive_commands(link, Archivable.LINK)
link.add_command(point)


def main() -> None:
    sys.exit(run_command(sys.argv[1:], environment()))


def run_command(arguments: Sequence[str], variables: Mapping[str, str]) -> int:
    """Returns the exit status: 0 done, 1 failed, 2 usage error, 130 interrupted."""
    as_json = "--json" in arguments
    try:
        try:
            outcome = waybill.main(
                list(arguments), prog_name="waybill", standalone_mode=False, obj=variables
            )
        except DatabaseError as error:
            raise database_error(error) from error
        except RedisError as error:
            raise redis_error(error) from error
    except click.ClickException as error:
        if as_json:
            print_error("usage", error.format_message(), as_json=True)
        else:
            error.show()
        return error.exit_code
    except click.Abort:
        print_error("interrupted", "Interrupted.", as_json=as_json)
        return 130
    except OperatorError as error:
        print_error(error.code, error.at_terminal, as_json=as_json)
        return 1
    except WaybillError as error:
        print_error(error.code, error.message, as_json=as_json)
        return 1
    return outcome if isinstance(outcome, int) else 0


@click.group(cls=CommandGroup, sections=SECTIONS, aliases={"authentication": "s2s-security"})
@click.option("--data", type=click.Path(path_type=Path), help="Data folder; by default .waybill.")
@click.version_option(package_name="waybill")
@click.pass_context
def waybill(context: click.Context, data: Path | None) -> None:
    """Waybill: a self-hosted measurement backend for server-to-server (S2S) events.

    It receives events, clicks and ad revenue from your backends and partners, attributes users
    to the links that they came through, and reports installs, sessions and revenue.

    `waybill demo` shows it at work; `waybill up` runs everything on this machine. The other
    commands find the stores by DATABASE_URL and REDIS_URL, or by the `waybill up` that runs in
    the data folder.

    `waybill COMMAND --help` explains a command and its options. With --json, a command prints one
    JSON document. Exit status: 0 done, 1 failed, 2 usage error, 130 interrupted.
    """
    variables: Mapping[str, str] = context.obj
    context.obj = CommandContext(data or Path(variables.get("WAYBILL_DATA") or DATA), variables)
