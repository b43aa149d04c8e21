"""`waybill activity` and `waybill retention`"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

import click
from rich.console import RenderableType

from console.apps.apps import find_app
from console.commands.terminal.options import app_option, environment_option, json_option
from console.commands.terminal.output import show, table
from console.connections import CommandContext, load_settings, open_database
from console.reports.activity import ActiveUsers, Cohort, active_users, retention
from console.reports.period import period_of
from shared.clock import now_ms
from shared.partitions import day_of

Command = TypeVar("Command", bound=Callable[..., Any])

_RETENTION_SHOWN = (1, 2, 3, 4, 5, 6, 7, 14, 30)  # what a terminal has room for


def period_options(command: Command) -> Command:
    format_ = click.DateTime(formats=["%Y-%m-%d"])
    last = click.option("--to", "last", type=format_, help="Last day (UTC), else yesterday.")
    first = click.option("--from", "first", type=format_, help="First day (UTC), else 29 before.")
    return first(last(command))


@click.command("activity")
@app_option
@environment_option
@period_options
@json_option
@click.pass_obj
def activity_(
    context: CommandContext,
    app: str,
    environment: str,
    first: datetime | None,
    last: datetime | None,
    as_json: bool,
) -> None:
    """Show daily, weekly and monthly active users, and stickiness, by day."""
    period = period_of(day(first), day(last), day_of(now_ms()))
    with open_database(load_settings(context)) as connection:
        days = active_users(connection, find_app(connection, app), environment, period)
    show({"activity": days}, _activity_table(days), as_json=as_json)


@click.command("retention")
@app_option
@environment_option
@period_options
@json_option
@click.pass_obj
def retention_(
    context: CommandContext,
    app: str,
    environment: str,
    first: datetime | None,
    last: datetime | None,
    as_json: bool,
) -> None:
    """Show how many of each day's new users came back; --json has all of the 30 days after."""
    today = day_of(now_ms())
    period = period_of(day(first), day(last), today)
    with open_database(load_settings(context)) as connection:
        cohorts = retention(connection, find_app(connection, app), environment, period, today)
    people = _retention_table(cohorts) if cohorts else "Nobody was seen first on these days."
    show({"retention": cohorts}, people, as_json=as_json)


def day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _activity_table(days: list[ActiveUsers]) -> RenderableType:
    return table(
        ("day (UTC)", "DAU", "WAU", "MAU", "stickiness"),
        (
            (day.day, f"{day.dau:,}", f"{day.wau:,}", f"{day.mau:,}", _percent(day.stickiness))
            for day in days
        ),
    )


def _retention_table(cohorts: list[Cohort]) -> RenderableType:
    return table(
        ("day 0 (UTC)", "users", *(f"D{after}" for after in _RETENTION_SHOWN)),
        (
            (
                cohort.day,
                f"{cohort.users:,}",
                *(_percent(_share(cohort, after)) for after in _RETENTION_SHOWN),
            )
            for cohort in cohorts
        ),
    )


def _share(cohort: Cohort, after: int) -> float | None:
    retained = cohort.retained[after - 1]
    return None if retained is None else retained / cohort.users


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.0%}"
