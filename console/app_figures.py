"""An app's today against its yesterday, for the list of apps."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from console.apps import App
from shared.database import Connection
from shared.events import Environment
from shared.ids import receipt_floor
from shared.rules import DAY_MS


@dataclass(frozen=True)
class DayFigures:
    """Of one UTC day. `events` were received in it; `users` had a session; `revenue` by currency,
    as sent."""

    events: int = 0
    users: int = 0
    revenue: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class AppFigures:
    app: App
    today: DayFigures
    yesterday: DayFigures


# By receipt: the partitions of two days and no other.
_EVENTS = """
SELECT app_id, receipt >= %(today)s AS is_today, coalesce(sale_amount_currency, ''),
       count(*), coalesce(sum(sale_amount), 0)
FROM events
WHERE receipt >= %(yesterday)s AND environment = %(environment)s
GROUP BY 1, 2, 3
"""
_USERS = """
SELECT app_id, day, count(*) FROM activity
WHERE environment = %(environment)s AND day = ANY(%(days)s) AND app_id = ANY(%(apps)s)
GROUP BY 1, 2
"""


def figures_of_apps(
    connection: Connection, apps: list[App], environment: Environment, now_ms: int
) -> list[AppFigures]:
    """In the order of `apps`."""
    days = _days(now_ms)
    events = _events(connection, environment, now_ms)
    arguments = {
        "environment": environment,
        "days": list(days),
        "apps": [app.id for app in apps],
    }
    users = {(app, day): count for app, day, count in connection.execute(_USERS, arguments)}
    return [
        AppFigures(
            app,
            *(_day(events.get((app.id, day), {}), users.get((app.id, day), 0)) for day in days),
        )
        for app in apps
    ]


# Events and revenue by currency.
_Sums = dict[str, tuple[int, Decimal]]


def _events(
    connection: Connection, environment: Environment, now_ms: int
) -> dict[tuple[int, date], _Sums]:
    today, yesterday = _days(now_ms)
    arguments = {
        "environment": environment,
        "today": receipt_floor(now_ms - now_ms % DAY_MS),
        "yesterday": receipt_floor(now_ms - now_ms % DAY_MS - DAY_MS),
    }
    found: dict[tuple[int, date], _Sums] = {}
    for app, is_today, currency, count, revenue in connection.execute(_EVENTS, arguments):
        sums = found.setdefault((app, today if is_today else yesterday), {})
        sums[currency] = (count, revenue)
    return found


def _day(sums: _Sums, users: int) -> DayFigures:
    return DayFigures(
        events=sum(count for count, _ in sums.values()),
        users=users,
        revenue={currency: total for currency, (_, total) in sorted(sums.items()) if total},
    )


def _days(now_ms: int) -> tuple[date, date]:
    today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    return today, today - timedelta(days=1)
