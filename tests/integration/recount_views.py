"""Recounts saved views and retention from raw rows, in plain Python.

It shares nothing with rollups and reports but the names of people and the exchange rates. Views are
saved and read as a person's are; the recount has questions of its own, which say the same.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from console.accounts.people import create_person
from console.actor import Role
from console.apps.apps import ActiveBy, App
from console.rates import Rates
from console.reports.activity import ActivityQuestion
from console.reports.answer import answer
from console.reports.figures import Figures
from console.reports.names import read_names
from console.reports.period import Period
from console.reports.retention import RETENTION_DAYS_MAX, retention
from console.reports.views.saved_views import list_views, save_view
from console.reports.views.view_query import TextQuery, read_question
from shared.database import Connection
from shared.events import Environment
from tests.integration.recount_money import read_people
from tests.support.build import ADMIN
from tests.support.money import FIRST_DAY, last_day

PERIOD = Period(FIRST_DAY + timedelta(days=2), FIRST_DAY + timedelta(days=90))
_EVENTS = """
SELECT user_id, event_time, CASE kind WHEN 'open' THEN 'open' WHEN 'ad_revenue' THEN 'ad revenue'
       ELSE '(unmapped)' END, coalesce(country, ''), coalesce(sale_amount, 0),
       coalesce(sale_amount_currency, '')
FROM events WHERE environment = 'production' AND counted
"""
_DECIDED = """
SELECT users.user_id, attributions.event_time, attributions.origin, clicks.parameters->>'campaign',
       is_reattribution, coalesce(events.country, '')
FROM attributions JOIN users ON users.id = user_ref
JOIN events ON events.receipt = attributions.receipt
LEFT JOIN clicks ON clicks.click_id = attributions.click_id
WHERE superseded_at IS NULL AND users.environment = 'production'
ORDER BY attributions.event_time
"""
_SESSIONS = """
SELECT users.user_id, start_time, coalesce(country, '')
FROM sessions JOIN users ON users.id = user_ref JOIN events ON events.receipt = start_receipt
WHERE users.environment = 'production'
"""
_LINKS = """
SELECT links.id::text, links.name, partners.name
FROM links JOIN partners ON partners.id = partner_id
"""
_COUNTRIES = {"": "(unknown country)", "DE": "Germany (DE)", "FR": "France (FR)"}
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_NOBODY = ("(organic)", "(organic)", "(organic) · (no campaign)")


@dataclass(frozen=True)
class Row:
    """A raw row: an event, or an install or a session, where `event` is empty."""

    day: date
    user: str
    event: str
    partner: str
    link: str
    campaign: str
    country: str
    what: str = "event"
    amount: Decimal = Decimal(0)
    at: datetime = _NEVER


@dataclass
class Sums:
    """What raw rows add up to."""

    events: int = 0
    installs: int = 0
    attributed: int = 0
    sessions: int = 0
    revenue: Decimal = Decimal(0)
    ad_revenue: Decimal = Decimal(0)
    users: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class View:
    """A view as a person saves it, and the same question for the recount."""

    query: Sequence[tuple[str, str]]
    splits: Sequence[str]
    counts: Callable[[Row], bool]
    is_daily: bool = False


VIEWS = (
    View([("by", "day"), ("column", "events"), ("column", "revenue")], (), lambda _: True, True),
    View(
        [("by", "day"), ("split", "partner"), ("column", "installs"), ("column", "attributed")],
        ("partner",), lambda _: True, True,
    ),
    View(
        [("by", "total"), ("split", "partner"), ("split", "country"), ("country!", "DE"),
         ("partner", "Acme"), ("partner", "(organic)")],
        ("partner", "country"),
        lambda row: row.country != "Germany (DE)" and row.partner in {"Acme", "(organic)"},
    ),
    View(
        [("by", "day"), ("split", "campaign"), ("campaign!", "spring")],
        ("campaign",), lambda row: not row.campaign.endswith("· spring"), True,
    ),
    View(
        [("by", "total"), ("split", "event"), ("event", "open"), ("event", "ad revenue")],
        ("event",), lambda row: row.event in {"open", "ad revenue"},
    ),
    View(
        [("by", "day"), ("country", "DE"), ("country", "FR"), ("sort", "revenue")],
        (), lambda row: row.country != "(unknown country)", True,
    ),
    View(
        [("by", "total"), ("split", "link"), ("split", "campaign"), ("split", "country"),
         ("link!", "Link 1")],
        ("link", "campaign", "country"), lambda row: row.link != "Link 1",
    ),
    View(
        [("by", "day"), ("split", "country"), ("event!", "open"), ("partner!", "Bolt")],
        ("country",),
        lambda row: row.event not in {"open", ""} and row.partner != "Bolt", True,
    ),
)  # fmt: skip


def raw_rows(connection: Connection) -> Iterator[Row]:
    """Yields each event, install and session with where its user came from at that time."""
    links = {number: (link, partner) for number, link, partner in connection.execute(_LINKS)}
    times: defaultdict[str, list[datetime]] = defaultdict(list)
    origins: defaultdict[str, list[tuple[str, str, str]]] = defaultdict(list)
    installs = []
    for user, at, origin, campaign, is_reattribution, country in connection.execute(_DECIDED):
        link, partner = links[origin] if origin else ("(organic)", "(organic)")
        place = (partner, link, f"{partner} · {campaign or '(no campaign)'}") if origin else _NOBODY
        times[user].append(at)
        origins[user].append(place)
        if not is_reattribution:
            installs.append((user, at, country))

    def place_of(user: str, at: datetime) -> tuple[str, str, str]:
        return origins[user][bisect_right(times[user], at) - 1]

    rates = Rates("EUR")
    for user, at, event, country, amount, currency in connection.execute(_EVENTS):
        rate = rates.rate(currency, at.date()) if amount else None
        paid = amount * rate.value if rate else Decimal(0)
        named = _COUNTRIES[country]
        yield Row(at.date(), user, event, *place_of(user, at), named, amount=paid, at=at)
    for user, at, country in installs:
        yield Row(at.date(), user, "", *place_of(user, at), _COUNTRIES[country], "install", at=at)
    for user, at, country in connection.execute(_SESSIONS):
        yield Row(at.date(), user, "", *place_of(user, at), _COUNTRIES[country], "session", at=at)


def _add(sums: Sums, row: Row) -> None:
    if row.what == "event":
        sums.events += 1
        sums.users.add(row.user)
        if row.event == "ad revenue":
            sums.ad_revenue += row.amount
        else:
            sums.revenue += row.amount
    elif row.what == "install":
        sums.installs += 1
        sums.attributed += row.partner != "(organic)"
    else:
        sums.sessions += 1


def assert_views_are_those_of_raw_rows(connection: Connection, app: App) -> int:
    """Saves each view, opens it, and compares every row; returns the number of values."""
    person, compared = create_person(connection, ADMIN, "Ada", Role.ADMIN), 0
    rows = [row for row in raw_rows(connection) if PERIOD.first <= row.day <= PERIOD.last]
    days = [("from", str(PERIOD.first)), ("to", str(PERIOD.last))]
    for number, view in enumerate(VIEWS):
        query = urlencode([*days, *view.query])
        save_view(connection, person, app, f"View {number}", query)
    now_ms = int(datetime.fromisoformat(f"{last_day()}T12:00:00+00:00").timestamp() * 1000)
    saved = {view.name: TextQuery(view.query) for view in list_views(connection, person, app)}
    for number, view in enumerate(VIEWS):
        question = read_question(saved[f"View {number}"], Environment.PRODUCTION, app, now_ms)
        expected: defaultdict[tuple[date | None, tuple[str, ...]], Sums] = defaultdict(Sums)
        for row in filter(view.counts, rows):
            # Installs and sessions belong to no event type.
            if row.event or not question.is_per_event_type:
                names = tuple(getattr(row, split) for split in view.splits)
                _add(expected[row.day if view.is_daily else None, names], row)
        report = answer(connection, app, question, now_ms)
        found = {
            (row.start.date() if row.start else None, row.names): row.figures
            for row in report.rows
            if row.figures.events or row.figures.installs or row.figures.sessions
        }
        assert found.keys() == expected.keys(), view.query
        for place, sums in expected.items():
            compared += _compare(found[place], sums)
    return compared


def assert_changes_are_those_of_raw_rows(connection: Connection, app: App) -> int:
    """Compares each name of two periods, the later of which ends within a day; returns as above."""
    first, days, compared = PERIOD.first + timedelta(days=40), timedelta(days=20), 0
    since = datetime.combine(first, time(), UTC)
    # Most happened in the first hours of a day: the period ends between two of them.
    now = since + days - timedelta(hours=22, minutes=30)
    until = now.replace(minute=0)
    rows = list(raw_rows(connection))
    for view in (view for view in VIEWS if view.splits):
        splits = [("split", split) for split in view.splits]
        others = [pair for pair in view.query if pair[0] not in {"by", "split", "sort"}]
        query = [("from", str(first)), ("to", str(now.date())), ("by", "total"), *splits, *others]
        text = TextQuery(urlencode([*query, ("compare", "previous")]))
        now_ms = int(now.timestamp() * 1000)
        question = read_question(text, Environment.PRODUCTION, app, now_ms)
        of_period, *both = (defaultdict[tuple[str, ...], Sums](Sums) for _ in range(3))
        for row in filter(view.counts, rows):
            if row.event or not question.is_per_event_type:
                names = tuple(getattr(row, split) for split in view.splits)
                if first <= row.day <= now.date():
                    _add(of_period[names], row)
                for sums, shift in zip(both, (timedelta(0), days), strict=True):
                    if since - shift <= row.at < until - shift:
                        _add(sums[names], row)
        report = answer(connection, app, question, now_ms)
        named = {each.names: each for each in report.rows}
        assert named.keys() == of_period.keys() | both[1].keys(), view.query
        for names, each in named.items():
            assert each.comparison
            pair = (each.comparison.current, each.comparison.earlier)
            for figures, sums in zip((each.figures, *pair), (of_period, *both), strict=True):
                compared += _compare(replace(figures, users=None), sums[names])
    return compared


def _compare(figures: Figures, sums: Sums) -> int:
    """Compares a row of a report; returns the number of its values."""
    values = [
        (figures.events, sums.events),
        (figures.installs, sums.installs),
        (figures.attributed, sums.attributed),
        (figures.sessions, sums.sessions),
        (figures.revenue, round(sums.revenue, 6)),
        (figures.ad_revenue, round(sums.ad_revenue, 6)),
    ]
    if figures.users is not None:
        values.append((figures.users, len(sums.users)))
    assert [found for found, _ in values] == [counted for _, counted in values]
    return len(values)


def assert_retention_is_that_of_raw_rows(connection: Connection, app: App) -> int:
    """Compares who came back of each day's new users, of all and of one partner."""
    people, names, compared = read_people(connection), read_names(connection, app), 0
    links = {number: partner for number, _, partner in connection.execute(_LINKS)}
    for partner in (None, "Acme", "(organic)"):
        source = None if partner is None else names.partner_filter(partner)
        asked = ActivityQuestion(Environment.PRODUCTION, PERIOD, ActiveBy.EVENTS, source)
        expected: defaultdict[date, list[set[int]]] = defaultdict(list)
        for person in people.values():
            if partner in {None, links[person.origin] if person.origin else "(organic)"}:
                expected[person.first].append(person.active_ages)
        for cohort in retention(connection, app, asked, last_day()):
            users = expected[cohort.day]
            assert cohort.users == len(users)
            for after in range(1, RETENTION_DAYS_MAX + 1):
                assert cohort.retained[after - 1] == sum(after in ages for ages in users)
            compared += 1 + RETENTION_DAYS_MAX
    return compared
