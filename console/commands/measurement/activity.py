"""`waybill activity` and `waybill retention`: active users, and how many new users return."""

from typing import Any

import click
from rich.console import RenderableType

from console.apps.apps import find_app
from console.commands.terminal.options import (
    app_option,
    environment_option,
    json_option,
    period_options,
)
from console.commands.terminal.output import folded_tables, show, table, terminal_columns
from console.connections import CommandContext, load_settings, open_database
from console.reports.active_by import read_basis
from console.reports.activity import ActivityQuestion, active_users
from console.reports.period import period_of
from console.reports.retention import retention
from shared.clock import now_ms

_RETENTION_DAYS = (1, 2, 3, 4, 5, 6, 7, 14, 30)  # what a terminal has room for


@click.command("activity")
@app_option
@environment_option
@period_options
@json_option
@click.pass_obj
def activity_(
    context: CommandContext, /, app: str, environment: str, *, as_json: bool, **days: Any
) -> None:
    """Show daily, weekly and monthly active users.

    One row per day: DAU, WAU (7 days), MAU (30 days) and stickiness (DAU/MAU).
    """
    with open_database(load_settings(context)) as connection:
        shown_app = find_app(connection, app)
        today = shown_app.today(now_ms())
        period = period_of(days["first"], days["last"], today, days["preset"])
        basis = read_basis(connection, shown_app, environment, today)
        active_days = active_users(
            connection, shown_app, ActivityQuestion(environment, period, basis.by), today
        )
    rows = (
        (
            f"{day.day} so far" if day.so_far else day.day,
            f"{day.dau:,}",
            f"{day.wau:,}",
            f"{day.mau:,}",
            _percent(day.stickiness),
        )
        for day in active_days
    )
    result = table((f"day ({shown_app.time_zone})", "DAU", "WAU", "MAU", "stickiness"), rows)
    document = {"activity": active_days, "counted_by": basis, "time_zone": shown_app.time_zone}
    show(document, result, basis.sentences, as_json=as_json)


@click.command("retention")
@app_option
@environment_option
@period_options
@json_option
@click.pass_obj
def retention_(
    context: CommandContext, /, app: str, environment: str, *, as_json: bool, **days: Any
) -> None:
    """Show the retention of each day's new users.

    One row per cohort: the share that was active 1, 2, … 30 days after their first day. --json
    has all of the 30 days.
    """
    with open_database(load_settings(context)) as connection:
        shown_app = find_app(connection, app)
        today = shown_app.today(now_ms())
        period = period_of(days["first"], days["last"], today, days["preset"])
        basis = read_basis(connection, shown_app, environment, today)
        question = ActivityQuestion(environment, period, basis.by)
        cohorts = retention(connection, shown_app, question, today)
    rows = []
    for cohort in cohorts:
        shares = [cohort.share(after) for after in _RETENTION_DAYS]
        is_over = [cohort.retained[after - 1] is not None for after in _RETENTION_DAYS]
        returned = [
            _percent(share) if over else "…" for share, over in zip(shares, is_over, strict=True)
        ]
        rows.append((cohort.day, f"{cohort.users:,}", *returned))
    columns = (
        f"day 0 ({shown_app.time_zone})",
        "new users",
        *(f"D{after}" for after in _RETENTION_DAYS),
    )
    has_users = any(cohort.users for cohort in cohorts)
    parts: list[RenderableType] = ["No new users in this period."]
    if has_users:
        parts = [
            *folded_tables(columns, rows, 2, terminal_columns()),
            "… that day is not over yet.",
        ]
    document = {"retention": cohorts, "counted_by": basis, "time_zone": shown_app.time_zone}
    show(document, *parts, basis.sentences, as_json=as_json)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.0%}"
