"""Tests reports against sums of raw rows, for every split and filter."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any

import pytest

from console.apps.apps import App
from console.apps.links import list_links
from console.rates import Rates
from console.reports.answer import answer
from console.reports.costs.cost_file import NewCost, read_cost_file
from console.reports.costs.prices import NewPrice, PricedBy, set_price
from console.reports.costs.uploads import list_costs, upload_costs
from console.reports.figures import Figures
from console.reports.filters import Filters, Split, ValueFilter, only, without
from console.reports.period import Period
from console.reports.question import Against, Interval, Question, breakdown
from console.reports.report import Report
from console.reports.sheet import to_csv
from console.reports.sheets import report_sheet
from console.reports.sums.report_reader import read_report
from shared.database import Connection, connect
from shared.errors import OperatorError
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from tests.integration.counted import count_all, store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

DAY_0 = date(2026, 10, 1)
DAYS = 20
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START_MS = int(datetime.combine(DAY_0, datetime.min.time(), UTC).timestamp()) * 1000
WHOLE = Period(DAY_0 - timedelta(days=1), DAY_0 + timedelta(days=DAYS))
COUNTRIES = {"": "(unknown country)", "DE": "Germany (DE)", "XK": "Kosovo (XK)"}
PARAMETERS: tuple[dict[str, str], ...] = (
    {},
    {"country": "de"},
    {"country": "XK"},
    {"country": "{Country}"},
)
EVENTS = {"__open": "open", "__ad_revenue": "ad revenue", "buy": "Purchase", "odd": "(unmapped)"}


@dataclass(frozen=True)
class Raw:
    """A raw row: an event, or an install, reattribution or session, where `event` is empty."""

    at: datetime
    user: str
    event: str
    partner: str
    link: str
    campaign: str
    country: str
    currency: str = ""
    amount: Decimal = Decimal(0)
    value: Decimal = Decimal(0)
    what: str = ""

    def name(self, split: Split) -> str:
        if split is Split.CAMPAIGN:
            return f"{self.partner} · {self.campaign or '(no campaign)'}"
        return str(getattr(self, split))

    def start(self, by: Interval) -> datetime | None:
        hour = self.at.replace(minute=0, second=0, microsecond=0)
        return {Interval.HOUR: hour, Interval.DAY: hour.replace(hour=0), Interval.TOTAL: None}[by]


@pytest.fixture
def app(connection: Connection, shop: App) -> App:
    """Provides an app with two partners, three links and an event type."""
    connection.execute(
        "INSERT INTO event_types (app_id, name, mapping_id, event_token)"
        " VALUES (%s, 'Purchase', 'buy', 'abc123')",
        (shop.id,),
    )
    for number, partner in enumerate(("Acme", "Acme", "Bolt")):
        connection.execute(
            "INSERT INTO partners (name) VALUES (%s) ON CONFLICT DO NOTHING", (partner,)
        )
        connection.execute(
            "INSERT INTO links (app_id, partner_id, name, offer_id, pub_id, destination)"
            " SELECT %s, id, %s, %s, '1', 'https://shop.example/' FROM partners WHERE name = %s",
            (shop.id, f"Link {number}", str(number), partner),
        )
    return shop


@pytest.fixture
def raw(connection: Connection, app: App) -> list[Raw]:
    """Stores a few weeks of generated traffic: late, repeated, reattributed to other links."""
    random = Random(20261125)
    links = [link for (link,) in connection.execute("SELECT id FROM links ORDER BY id")]
    events = [event for n in range(40) for event in _journey(random, app, f"user {n}", links)]
    events += random.choices(events, k=60)
    random.shuffle(events)
    for start in range(0, len(events), 50):
        store(connection, *events[start : start + 50])
        count_all(connection)
    return list(_raw_rows(connection))


def _journey(random: Random, app: App, user: str, links: list[int]) -> Iterator[Event]:
    at_ms = START_MS + random.randrange(5 * DAY_MS)
    for _ in range(random.choice((1, 1, 2))):
        if random.random() < 0.7:
            click = _click(random, app, at_ms - random.randrange(HOUR_MS), random.choice(links))
            yield click
            country = {"parameters": random.choice(PARAMETERS)}
            yield _event(app, user, "__open", at_ms, click_id=click.click_id, **country)
        for _ in range(random.randrange(6)):
            later_ms = at_ms + random.randrange(3 * DAY_MS)
            event_id = random.choice((*EVENTS, "buy"))
            money: dict[str, Any] = {
                "parameters": random.choice(PARAMETERS),
                "sale_amount": random.choice((None, "9.99", "-3.5", "120")),
                "sale_amount_currency": random.choice((None, "EUR", "USD", "XAU")),
                "aggregated_event_value": random.choice((None, "1.5")),
                "idempotency_key": random.choice((None, f"{user} {random.randrange(3)}")),
            }
            yield _event(app, user, event_id, later_ms, **money)
        at_ms += 9 * DAY_MS + random.randrange(DAY_MS)


def _click(random: Random, app: App, at_ms: int, link_id: int) -> Event:
    receipt = new_receipt(at_ms)
    source = random.random() < 0.2
    parameters = {
        "campaign": random.choice(("", "summer", "=1+1")),
        **random.choice(({}, {"pub_sub_id": "site-4"}, {"pub_sub_id": " site-5 "})),
    }
    return fresh(
        app_id=app.id,
        kind=Kind.CLICK,
        receipt=receipt,
        click_id=click_id_of(receipt),
        event_time_ms=at_ms,
        user_id="",
        event_id="",
        link_id=None if source else link_id,
        parameters=parameters | ({"site": "Acme"} if source else {}),
    )


def _event(app: App, user: str, event_id: str, at_ms: int, **changes: Any) -> Event:
    kinds = {"__open": Kind.OPEN, "__ad_revenue": Kind.AD_REVENUE}
    return fresh(
        app_id=app.id,
        user_id=user,
        event_id=event_id,
        kind=kinds.get(event_id, Kind.EVENT),
        event_time_ms=at_ms,
        **changes,
    )


_CREDIT = """
    SELECT a.origin_kind, a.origin, trim(coalesce(c.parameters->>'campaign', ''))
    FROM attributions AS a JOIN users AS u ON u.id = a.user_ref
    LEFT JOIN clicks AS c ON c.click_id = a.click_id
    WHERE u.user_id = %s AND a.superseded_at IS NULL AND (a.event_time, a.receipt) <= (%s, %s)
    ORDER BY a.event_time DESC, a.receipt DESC LIMIT 1
"""
_LINKS = "SELECT l.id, l.name, p.name FROM links AS l JOIN partners AS p ON p.id = l.partner_id"
_ROWS = """
    SELECT event_time, receipt, user_id, event_id, coalesce(sale_amount_currency, ''),
           coalesce(sale_amount, 0), coalesce(aggregated_event_value, 0), '', country
    FROM events WHERE counted
    UNION ALL
    SELECT event_time, receipt, users.user_id, '', '', 0, 0,
           CASE WHEN is_reattribution THEN 'reattributions' ELSE 'installs' END,
           (SELECT country FROM events AS e WHERE e.receipt = attributions.receipt)
    FROM attributions JOIN users ON users.id = user_ref WHERE superseded_at IS NULL
    UNION ALL
    SELECT start_time, start_receipt, user_id, '', '', 0, 0, 'sessions',
           (SELECT country FROM events AS e WHERE e.receipt = start_receipt)
    FROM sessions JOIN users ON users.id = user_ref
"""


def _raw_rows(connection: Connection) -> Iterator[Raw]:
    links = {str(link): (partner, name) for link, name, partner in connection.execute(_LINKS)}
    for at, receipt, user, event, *rest, country in connection.execute(_ROWS).fetchall():
        row = connection.execute(_CREDIT, (user, at, receipt)).fetchone()
        assert row is not None
        kind, origin, campaign = row
        partner, link = (
            links[origin]
            if kind == "link"
            else (f"{origin} (source)" if origin else "(organic)",) * 2
        )
        yield Raw(
            at,
            user,
            EVENTS.get(event, ""),
            partner,
            link,
            campaign,
            COUNTRIES[country or ""],
            *rest,
        )


def _filters(chosen: Mapping[str, str | ValueFilter]) -> Filters:
    return Filters(
        **{
            name: values if isinstance(values, ValueFilter) else only(values)
            for name, values in chosen.items()
        }
    )


COMBINATIONS: list[tuple[Split, dict[str, str]]] = [
    *((split, {}) for split in Split if split is not Split.SUB_ID),
    (Split.NONE, {"partner": "Acme"}),
    (Split.NONE, {"partner": "Acme (source)"}),
    (Split.EVENT, {"partner": "(organic)"}),
    (Split.LINK, {"partner": "Acme"}),
    (Split.CAMPAIGN, {"partner": "Bolt"}),
    (Split.PARTNER, {"event": "Purchase"}),
    (Split.CAMPAIGN, {"event": "open"}),
    (Split.EVENT, {"event": "ad revenue"}),
    (Split.EVENT, {"link": "Link 1"}),
    (Split.NONE, {"link": "Link 1", "partner": "Acme"}),
    (Split.PARTNER, {"link": "Link 1", "partner": "Bolt"}),
    (Split.PARTNER, {"campaign": "summer"}),
    (Split.NONE, {"campaign": "=1+1"}),
    (Split.LINK, {"campaign": "summer", "event": "Purchase"}),
    (Split.EVENT, {"country": "Germany (DE)"}),
    (Split.NONE, {"country": "(unknown country)"}),
    (Split.COUNTRY, {"event": "Purchase"}),
    (Split.COUNTRY, {"partner": "Acme"}),
    (Split.PARTNER, {"country": "Kosovo (XK)"}),
]


def test_figures_are_those_of_raw_rows_however_they_are_asked_for(
    connection: Connection, app: App, raw: list[Raw]
) -> None:
    assert {row.what for row in raw} == {"", "installs", "reattributions", "sessions"}
    for by, (split, filters) in product(Interval, COMBINATIONS):
        question = Question(period=WHOLE, by=by, split=split, filters=_filters(filters))
        report = read_report(connection, app, question, Rates("EUR"))

        expected = _expected(raw, question)
        assert _values(report) == {context: _figures(rows) for context, rows in expected.items()}
        users = {
            (row.start, row.names): row.figures.users
            for row in report.rows
            if (row.start, row.names) in expected
        }
        assert users in (
            {context: len({row.user for row in rows if row.event}) or None
             for context, rows in expected.items()},
            dict.fromkeys(expected),
        )  # fmt: skip
        assert (set(users.values()) <= {None}) == _has_no_users(question), question


Place = tuple[datetime | None, tuple[str, ...]]
RowsByContext = dict[Place, list[Raw]]


def _expected(raw: list[Raw], question: Question) -> RowsByContext:
    rows_by_context: RowsByContext = defaultdict(list)
    for row in raw:
        if question.is_per_event_type and not row.event:
            continue
        if all(_counts(getattr(row, split), values) for split, values in question.filters):
            names = tuple(map(row.name, question.splits))
            rows_by_context[row.start(question.by), names].append(row)
    return dict(rows_by_context)


def _counts(value: str, values: ValueFilter) -> bool:
    return (not values.only or value in values.only) and value not in values.without


def _figures(rows: list[Raw]) -> tuple[object, ...]:
    def count(what: str, *partners: str) -> int:
        return sum(row.what == what and row.partner in (partners or {row.partner}) for row in rows)

    originals: defaultdict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    for row in rows:
        if row.amount:
            originals[row.currency][row.event == "ad revenue"] += row.amount
    return (
        sum(bool(row.event) for row in rows),
        count("installs"),
        count("installs", "(organic)"),
        count("reattributions"),
        count("sessions"),
        sum((row.value for row in rows), Decimal(0)),
        {currency: tuple(sums) for currency, sums in originals.items()},
    )


def _values(report: Report) -> dict[Place, tuple[object, ...]]:
    """Returns the metrics of rows with more than clicks."""
    return {
        (row.start, row.names): _as_tuple(row.figures)
        for row in report.rows
        if replace(row.figures, traffic=None).is_something
    }


def _as_tuple(figures: Figures) -> tuple[object, ...]:
    return (
        figures.events,
        figures.installs,
        figures.organic,
        figures.reattributions,
        figures.sessions,
        figures.value,
        figures.originals,
    )


def _has_no_users(question: Question) -> bool:
    cut = question.dimensions
    unclear = Split.CAMPAIGN in cut and (
        Split.LINK in cut or (question.split is not Split.CAMPAIGN and Split.PARTNER not in cut)
    )
    unclear |= Split.COUNTRY in cut and bool(cut & {Split.PARTNER, Split.LINK, Split.CAMPAIGN})
    nothing = (question.filters.link, question.filters.partner) == (only("Link 1"), only("Bolt"))
    return question.by is Interval.TOTAL or unclear or nothing


_CLICKS = """
    SELECT event_time, kind, origin_kind, origin, parameters, NULL::timestamptz FROM clicks
    UNION ALL
    SELECT a.event_time, c.kind, a.origin_kind, a.origin, c.parameters, c.event_time
    FROM attributions AS a JOIN clicks AS c USING (click_id)
    WHERE superseded_at IS NULL AND NOT is_reattribution
"""
SEVERAL: list[tuple[tuple[Split, ...], dict[str, str | ValueFilter], bool]] = [
    # breakdowns, filters, whether unique users are counted for it
    ((Split.PARTNER, Split.EVENT), {}, True),
    ((Split.EVENT, Split.LINK, Split.PARTNER), {"partner": without("(organic)")}, True),
    ((Split.PARTNER, Split.COUNTRY), {}, False),
    ((Split.COUNTRY, Split.EVENT), {"country": without("Germany (DE)")}, True),
    ((Split.PARTNER, Split.CAMPAIGN, Split.COUNTRY), {"event": "Purchase"}, False),
    ((Split.CAMPAIGN, Split.EVENT), {"partner": only("Acme", "Bolt")}, True),
    ((Split.LINK, Split.CAMPAIGN), {}, False),
    ((Split.PARTNER,), {"partner": only("Acme", "Acme (source)", "(organic)")}, True),
    ((Split.PARTNER,), {"partner": ValueFilter(("Acme", "Bolt"), ("Bolt",))}, True),
    ((), {"partner": only("Acme", "Bolt")}, False),
    ((), {"partner": without("Acme", "(organic)")}, False),
    ((Split.LINK,), {"partner": only("Acme", "(organic)"), "link": without("Link 1")}, True),
    ((Split.PARTNER,), {"link": without("Link 0", "(organic)")}, False),
    ((Split.PARTNER,), {"partner": without("Bolt"), "link": only("Link 1", "Link 2")}, False),
    ((Split.EVENT,), {"event": only("open", "Purchase"), "country": "Kosovo (XK)"}, True),
    ((Split.COUNTRY,), {"event": without("open")}, False),
    ((Split.CAMPAIGN,), {"campaign": without("summer")}, True),
    ((Split.PARTNER,), {"campaign": only("summer", "=1+1")}, False),
    ((), {"country": without("(unknown country)", "Kosovo (XK)")}, False),
]


def test_several_breakdowns_and_values_are_those_of_raw_rows(
    connection: Connection, app: App, raw: list[Raw]
) -> None:
    assert raw
    for by, (splits, filters, has_users) in product(Interval, SEVERAL):
        split, then = breakdown(splits)
        question = Question(period=WHOLE, by=by, split=split, then=then, filters=_filters(filters))
        report = read_report(connection, app, question, Rates("EUR"))

        expected = _expected(raw, question)
        assert expected
        assert _values(report) == {place: _figures(rows) for place, rows in expected.items()}
        assert report.total.events == sum(
            bool(row.event) for rows in expected.values() for row in rows
        )
        users = {(row.start, row.names): row.figures.users for row in report.rows}
        counted = has_users and by is not Interval.TOTAL
        assert {place: users[place] for place in expected} == {
            place: (len({row.user for row in rows if row.event}) or None) if counted else None
            for place, rows in expected.items()
        }, question
        columns = report_sheet(report).columns
        assert columns[by is not Interval.TOTAL :][: len(splits)] == [
            str(split) for split in splits
        ]


CLICK_COMBINATIONS: list[tuple[Split, dict[str, str]]] = [
    *((split, {}) for split in Split if split not in {Split.COUNTRY, Split.EVENT}),
    (Split.NONE, {"partner": "Acme"}),
    (Split.SUB_ID, {"link": "Link 1"}),
    (Split.SUB_ID, {"partner": "Acme (source)", "campaign": "summer"}),
    (Split.LINK, {"sub_id": "site-4"}),
]
SEVERAL_OF_CLICKS: list[tuple[tuple[Split, ...], dict[str, str | ValueFilter]]] = [
    ((Split.LINK, Split.SUB_ID), {"partner": without("Bolt")}),
    ((Split.PARTNER, Split.CAMPAIGN, Split.SUB_ID), {"sub_id": only("site-4", "")}),
    ((), {"partner": only("Acme (source)", "Bolt"), "campaign": without("summer")}),
]


def test_clicks_and_what_came_of_them_are_those_of_raw_rows(
    connection: Connection, app: App, raw: list[Raw]
) -> None:
    links = {str(link): (partner, name) for link, name, partner in connection.execute(_LINKS)}
    clicks = connection.execute(_CLICKS).fetchall()
    combinations = [
        *((breakdown([split]), _filters(cut)) for split, cut in CLICK_COMBINATIONS),
        *((breakdown(splits), _filters(cut)) for splits, cut in SEVERAL_OF_CLICKS),
    ]
    for by, ((split, then), filters) in product(Interval, combinations):
        question = Question(period=WHOLE, by=by, split=split, then=then, filters=filters)
        expected: dict[Place, list[float]] = {}
        for at, kind, origin_kind, origin, parameters, clicked_at in clicks:
            partner, link = links[origin] if origin_kind == "link" else (f"{origin} (source)",) * 2
            campaign, sub_id = (
                parameters.get(name, "").strip() for name in ("campaign", "pub_sub_id")
            )
            cut = {"partner": partner, "link": link, "campaign": campaign, "sub_id": sub_id}
            if not all(_counts(cut[dimension], values) for dimension, values in filters):
                continue
            name_of = {
                **cut,
                Split.CAMPAIGN: f"{partner} · {campaign or '(no campaign)'}",
                Split.SUB_ID: f"{partner} · {sub_id or '(no sub ID)'}",
            }
            names = tuple(name_of[each] for each in question.splits)
            start = Raw(at, "", "", partner, link, campaign, "").start(by)
            sums = expected.setdefault((start, names), [0, 0, 0, 0.0])
            sums[0] += kind == "click" and clicked_at is None
            sums[1] += kind == "impression" and clicked_at is None
            sums[2] += clicked_at is not None
            sums[3] += (at - clicked_at).total_seconds() if clicked_at else 0
        report = read_report(connection, app, question, Rates("EUR"))

        found = {
            (row.start, row.names): row.figures.traffic
            for row in report.rows
            if row.figures.traffic and row.figures.traffic.is_something
        }
        assert {
            place: [one.clicks, one.impressions, one.click_installs, one.delay_ms / 1000]
            for place, one in found.items()
        } == {place: pytest.approx(sums) for place, sums in expected.items()}
        for one in found.values():
            assert one.conversion_rate == (one.click_installs / one.clicks if one.clicks else None)
            assert sum(one.delays) == one.click_installs
        if question.is_of_sub_ids:
            assert report.total.installs == sum(sums[2] for sums in expected.values())
            assert (report.total.events, report.total.users) == (0, None)
    assert raw


def test_reports_of_countries_and_event_types_have_no_clicks(
    connection: Connection, app: App, raw: list[Raw]
) -> None:
    for split, filters in (
        (Split.COUNTRY, {}), (Split.EVENT, {}), (Split.PARTNER, {"country": "XK"}),
        (Split.NONE, {"event": "open"}),
    ):  # fmt: skip
        question = Question(period=WHOLE, split=split, filters=_filters(filters))
        report = read_report(connection, app, question, Rates("EUR"))

        assert report.rows
        assert {row.figures.traffic for row in report.rows} == {None}
        assert "clicks" not in report_sheet(report).columns
    assert raw


def test_the_total_is_that_of_its_rows(connection: Connection, app: App, raw: list[Raw]) -> None:
    question = Question(period=WHOLE, split=Split.PARTNER)
    report = read_report(connection, app, question, Rates("USD"))

    assert report.total.events == sum(row.figures.events for row in report.rows)
    assert report.total.revenue == sum(row.figures.revenue for row in report.rows)
    assert report.total.events == sum(bool(row.event) for row in raw)
    assert report.total.users is None


def test_money_is_converted_by_the_rate_of_its_day_and_kept_as_it_was_sent(
    connection: Connection, app: App
) -> None:
    """There are no rates on the 3rd and 4th of October 2026, a weekend."""
    rates = Rates("EUR")
    dollars = {"sale_amount": "10", "sale_amount_currency": "USD"}
    noon_ms = START_MS + DAY_MS // 2
    for days in (1, 3):
        store(connection, _event(app, "ann", "buy", noon_ms + days * DAY_MS, **dollars))
    gold = {"sale_amount": "3", "sale_amount_currency": "XAU"}
    store(connection, _event(app, "ann", "__ad_revenue", noon_ms, **gold))
    count_all(connection)

    report = read_report(connection, app, Question(period=WHOLE), rates)

    friday = rates.rate("USD", date(2026, 10, 2))
    assert friday
    assert report.total.revenue == round(20 * friday.value, 6)
    assert report.total.ad_revenue == 0
    nothing = Decimal(0)
    assert report.total.originals == {"USD": (Decimal(20), nothing), "XAU": (nothing, Decimal(3))}
    assert report.total.unconverted == {"XAU": (nothing, Decimal(3))}
    heading, first, *_, total = to_csv(report_sheet(report)).splitlines()
    assert heading.endswith(",not included in revenue")
    assert (first.endswith(",3 XAU"), total.endswith(",3 XAU")) == (True, True)
    (dollar, xau) = report.rates
    assert (dollar.currency, dollar.first, dollar.last) == ("USD", friday.day, friday.day)
    assert (xau.currency, xau.first) == ("XAU", None)


def test_a_comparison_adds_up_both_periods_to_the_same_hour(
    connection: Connection, app: App
) -> None:
    """Stores one event an hour of two days, and asks on the second of them at half past six."""
    for hour in range(48):
        store(connection, _event(app, f"user {hour}", "buy", START_MS + hour * HOUR_MS))
    count_all(connection)
    now_ms = START_MS + DAY_MS + 6 * HOUR_MS + HOUR_MS // 2
    today = Period(DAY_0 + timedelta(days=1), DAY_0 + timedelta(days=1))

    for split in (Split.NONE, Split.EVENT):
        question = Question(period=today, split=split, against=Against.PREVIOUS)
        comparison = answer(connection, app, question, now_ms).comparison

        assert comparison
        assert (comparison.first, comparison.last) == (DAY_0, DAY_0)
        assert (comparison.current.events, comparison.earlier.events) == (6, 6)
        assert (comparison.current.installs, comparison.earlier.installs) == (
            (0, 0) if split is Split.EVENT else (6, 6)
        )
    whole = answer(connection, app, question, now_ms + 3 * DAY_MS).comparison
    assert whole
    assert (whole.until, whole.current.events, whole.earlier.events) == (None, 24, 24)


def test_a_report_is_of_one_moment_while_workers_count(
    connection: Connection, database_url: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is counted after the rows were read is in no other part of the report either."""
    for hour in range(24):
        store(connection, _event(app, f"user {hour}", "buy", START_MS + hour * HOUR_MS))
    count_all(connection)

    def read_while_counted(*arguments: Any) -> Report:
        report = read_report(*arguments)
        with connect(database_url, "tests") as worker:
            worker.execute("UPDATE figures SET events = events + 1")
            worker.execute("UPDATE figure_sums SET events = events + 1")
        return report

    monkeypatch.setattr("console.reports.answer.read_report", read_while_counted)
    question = Question(period=Period(DAY_0, DAY_0), against=Against.PREVIOUS)
    report = answer(connection, app, question, START_MS + 3 * DAY_MS)

    assert report.comparison
    assert report.comparison.current.events == report.total.events == 24


def test_event_types_of_one_name_are_told_apart(connection: Connection, app: App) -> None:
    connection.execute(
        "INSERT INTO event_types (app_id, name, mapping_id, event_token) VALUES"
        " (%(app)s, 'Purchase', 'buy2', 'abc124'), (%(app)s, 'open', 'start', 'abc125')",
        {"app": app.id},
    )
    for number, event_id in enumerate(("buy", "buy2", "start", "__open")):
        store(connection, _event(app, f"user {number}", event_id, START_MS))
    count_all(connection)

    report = read_report(connection, app, Question(period=WHOLE, split=Split.EVENT), Rates("EUR"))

    assert {row.name: row.figures.users for row in report.rows} == {
        "Purchase (buy)": 1,
        "Purchase (buy2)": 1,
        "open (start)": 1,
        "open": 1,
    }


def test_a_report_says_how_much_of_it_has_changed_since_it_was_counted(
    connection: Connection, app: App
) -> None:
    question = Question(period=WHOLE)
    assert read_report(connection, app, question, Rates("EUR")).counted_at is None
    store(connection, _event(app, "ann", "buy", START_MS))
    count_all(connection)
    counted = read_report(connection, app, question, Rates("EUR"))
    store(connection, _event(app, "ben", "buy", START_MS))
    changed = read_report(connection, app, question, Rates("EUR"))

    assert counted.counted_at
    assert (counted.stale, changed.total.events) == (0, 1)
    assert changed.stale == 1


@pytest.mark.parametrize("kind", ["partner", "link", "country", "event"])
@pytest.mark.parametrize("name", ["nobody", "'; DROP TABLE figures; --", "%s", ""])
def test_a_filter_that_names_nothing_is_refused(
    connection: Connection, app: App, kind: str, name: str
) -> None:
    filters = _filters({kind: name})

    with pytest.raises(OperatorError, match="with this name"):
        read_report(connection, app, Question(period=WHOLE, filters=filters), Rates("EUR"))


@pytest.mark.parametrize("name", ["XK", " xk ", "Kosovo (XK)"])
def test_a_country_may_be_named_by_its_code(
    connection: Connection, app: App, raw: list[Raw], name: str
) -> None:
    question = Question(period=WHOLE, split=Split.COUNTRY, filters=Filters(country=only(name)))

    report = read_report(connection, app, question, Rates("EUR"))

    assert {row.name for row in report.rows} == {"Kosovo (XK)"}
    assert report.total.events == sum(
        row.country == "Kosovo (XK)" and bool(row.event) for row in raw
    )


@pytest.mark.parametrize("name", ["' OR true --", "%(app_id)s", "\\"])
def test_a_campaign_is_a_value_and_never_a_part_of_the_statement(
    connection: Connection, app: App, name: str
) -> None:
    store(connection, _event(app, "ann", "buy", START_MS))
    count_all(connection)

    for field in ("campaign", "partner"):
        named = name if field == "campaign" else f"{name} (source)"
        question = Question(period=WHOLE, filters=_filters({field: named}))
        assert read_report(connection, app, question, Rates("EUR")).rows == []


def test_costs_are_uploads_and_prices_times_what_raw_rows_count(
    connection: Connection, app: App, raw: list[Raw]
) -> None:
    """Recounts the clicks, installs and purchases of each priced link and day, row by row."""
    links = {link.name: link for link in list_links(connection, app)}
    change = DAY_0 + timedelta(days=3)
    prices = [
        ("Link 0", NewPrice(PricedBy.CLICK, Decimal("0.25"), "EUR", WHOLE.first)),
        ("Link 0", NewPrice(PricedBy.CLICK, Decimal("0.35"), "EUR", change)),
        ("Link 1", NewPrice(PricedBy.INSTALL, Decimal("1.5"), "EUR", WHOLE.first)),
        ("Link 1", NewPrice(PricedBy.INSTALL, Decimal(0), "EUR", change)),
        ("Link 2", NewPrice(PricedBy.EVENT, Decimal(2), "USD", WHOLE.first, "Purchase")),
    ]
    for name, price in prices:
        set_price(connection, ADMIN, app, links[name], price)
    uploads = [
        NewCost(DAY_0, "Acme", "EUR", Decimal("12.34"), "summer"),
        NewCost(DAY_0, "Acme", "EUR", Decimal(3)),
        NewCost(DAY_0 + timedelta(days=1), "Acme (source)", "XAU", Decimal(1)),
    ]
    upload_costs(connection, ADMIN, app, [NewCost(DAY_0, "Acme", "USD", Decimal(99))])
    assert upload_costs(connection, ADMIN, app, uploads) == 3
    clicks = connection.execute(
        "SELECT event_time::date, parameters->>'campaign' FROM clicks WHERE origin = %s",
        (str(links["Link 0"].id),),
    )
    spent: list[tuple[date, str, str, str, str, Decimal]] = [
        (day, "Acme", "Link 0", campaign, "EUR", Decimal("0.35" if day >= change else "0.25"))
        for day, campaign in clicks
    ]
    for row in raw:
        day = row.at.date()
        if row.what == "installs" and row.link == "Link 1" and day < change:
            spent.append((day, "Acme", row.link, row.campaign, "EUR", Decimal("1.5")))
        if row.event == "Purchase" and row.link == "Link 2":
            spent.append((day, "Bolt", row.link, row.campaign, "USD", Decimal(2)))
    spent += [
        (
            one.day,
            one.partner,
            f"(no link of {one.partner})",
            one.campaign,
            one.currency,
            one.amount,
        )
        for one in uploads
    ]
    assert {link for _, _, link, *_ in spent} >= {"Link 0", "Link 1", "Link 2"}

    cuts: list[tuple[tuple[Split, ...], dict[str, str | ValueFilter]]] = [
        ((), {}),
        *(((split,), {}) for split in (Split.PARTNER, Split.LINK, Split.CAMPAIGN)),
        ((Split.LINK,), {"partner": "Acme"}),
        ((), {"campaign": "summer"}),
        ((Split.PARTNER,), {"link": "Link 1"}),
        ((), {"partner": "Acme (source)"}),
        ((Split.PARTNER, Split.LINK, Split.CAMPAIGN), {"partner": only("Acme", "Bolt")}),
        ((Split.CAMPAIGN, Split.PARTNER), {"link": without("Link 0")}),
        ((), {"partner": without("Acme", "Acme (source)"), "campaign": without("summer")}),
    ]
    for by, (splits, filters) in product((Interval.DAY, Interval.TOTAL), cuts):
        split, then = breakdown(splits)
        question = Question(period=WHOLE, by=by, split=split, then=then, filters=_filters(filters))
        report = read_report(connection, app, question, Rates("EUR"))
        expected: defaultdict[tuple[date | None, tuple[str, ...], str], Decimal] = defaultdict(
            Decimal
        )
        for day, partner, link, campaign, currency, amount in spent:
            cut = {Split.PARTNER: partner, Split.LINK: link, Split.CAMPAIGN: campaign}
            if all(_counts(cut[each], values) for each, values in question.filters):
                cut[Split.CAMPAIGN] = f"{partner} · {campaign or '(no campaign)'}"
                names = tuple(cut[each] for each in question.splits)
                expected[day if by is Interval.DAY else None, names, currency] += amount

        assert {
            (row.start and row.start.date(), row.names, currency): amount
            for row in report.rows
            for currency, amount in row.figures.cost_originals.items()
        } == expected

    total = read_report(connection, app, Question(period=WHOLE), Rates("EUR")).total
    euros = sum(amount for *_, currency, amount in spent if currency == "EUR")
    rate = Rates("EUR").rate
    dollars = sum(
        amount * found.value
        for day, *_, currency, amount in spent
        if currency == "USD" and (found := rate("USD", day))
    )
    assert total.cost == round(euros + dollars, 6)
    assert total.cost_unconverted == {"XAU": Decimal(1)}
    assert total.cost
    assert total.cost_per_install == pytest.approx(
        total.cost / total.attributed, abs=Decimal("1e-6")
    )
    assert total.return_on_cost == pytest.approx(
        float((total.revenue + total.ad_revenue) / total.cost)
    )
    by_link = Question(period=WHOLE, by=Interval.TOTAL, split=Split.LINK)
    sheet = report_sheet(read_report(connection, app, by_link, Rates("EUR")))
    assert {"cost (EUR)", "cost per install (EUR)", "ROAS"} <= set(sheet.columns)
    assert sheet.columns[-1] == "not included in cost"
    hourly = read_report(connection, app, Question(period=WHOLE, by=Interval.HOUR), Rates("EUR"))
    assert (hourly.total.cost, "ROAS" in report_sheet(hourly).columns) == (None, False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The first line"),
        ("day,partner,currency\n", "The first line"),
        ("day,partner,currency,amount,colour\n", "The first line"),
        ("day,partner,currency,amount\n", "no costs"),
        ("day,partner,currency,amount\n2026-10-01,Acme,EUR\n", "Line 2 must have 4"),
        ("day,partner,currency,amount\nsoon,Acme,EUR,1\n", "Line 2: day"),
        ("day,partner,currency,amount\n2026-10-01,Acme,EUR,much\n", "Line 2: amount"),
        ("day,partner,currency,amount\n2026-10-01,Acme,EUR,NaN\n", "must be between"),
        ("day,partner,currency,amount\n2026-10-01,Acme,EUR,-1\n", "must be between"),
        ("day,partner,currency,amount\n2026-10-01,Acme,EUR,0.1234567\n", "decimal places"),
        ("day,partner,currency,amount\n2026-10-01,Acme,Euro,1\n", "ISO 4217"),
        ("day,partner,currency,amount\n2026-10-01,,EUR,1\n", "must name a partner"),
        ("day,partner,currency,amount\n" + "2026-10-01,Acme,EUR,1\n" * 2, "already have"),
        ("day,partner,currency,amount\n2026-10-01,Nobody,EUR,1\n", "with this name"),
    ],
)
def test_a_wrong_file_of_costs_is_refused_as_a_whole(
    connection: Connection, app: App, text: str, sentence: str
) -> None:
    with pytest.raises(OperatorError, match=sentence):
        upload_costs(connection, ADMIN, app, read_cost_file(text))

    assert list_costs(connection, app, WHOLE) == []


def test_a_file_of_costs_may_have_semicolons_and_its_columns_in_any_order(
    connection: Connection, app: App
) -> None:
    text = "\ufeffAmount;Day;Currency;Partner\r\n1.50;2026-10-01;eur;Acme\r\n\r\n"
    upload_costs(connection, ADMIN, app, read_cost_file(text))
    assert [
        (cost.partner, cost.currency, cost.amount) for cost in list_costs(connection, app, WHOLE)
    ] == [("Acme", "EUR", Decimal("1.5"))]

    upload_costs(connection, ADMIN, app, [NewCost(DAY_0, "Acme", "EUR", Decimal(0))])

    assert list_costs(connection, app, WHOLE) == []
