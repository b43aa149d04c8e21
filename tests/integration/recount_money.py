"""Recounts cohorts, LTV, costs and what follows from them, from raw rows and in plain Python.

It shares nothing with rollups and reports but the names of people and the exchange rates.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from console.apps.apps import ActiveBy, App
from console.apps.links import list_links
from console.rates import Rates
from console.reports.cohorts.cohort_question import (
    AGES,
    CohortMetric,
    CohortQuestion,
    CohortSpan,
    CohortSplit,
)
from console.reports.cohorts.cohort_table import read_cohorts
from console.reports.costs.cost_file import NewCost
from console.reports.costs.prices import NewPrice, PricedBy, set_price
from console.reports.costs.uploads import upload_costs
from console.reports.filters import Split
from console.reports.period import Period
from console.reports.question import Interval, Question
from console.reports.sums.report_reader import read_report
from shared.database import Connection
from tests.support.build import ADMIN
from tests.support.money import COHORT_DAYS, FIRST_DAY, last_day

PERIOD = Period(FIRST_DAY + timedelta(days=3), FIRST_DAY + timedelta(days=COHORT_DAYS - 5))
_EVENTS = """
SELECT user_id, event_time, kind, coalesce(sale_amount, 0), coalesce(sale_amount_currency, '')
FROM events WHERE environment = 'production' AND counted
"""
_ATTRIBUTIONS = """
SELECT user_id, event_time, origin_kind, origin, is_reattribution
FROM attributions JOIN users ON users.id = user_ref
WHERE superseded_at IS NULL AND environment = 'production'
"""
_CLICKS = "SELECT event_time, origin FROM clicks WHERE environment = 'production'"
_LINKS = """
SELECT links.id::text, links.name, partners.name
FROM links JOIN partners ON partners.id = partner_id
"""


def make_links(connection: Connection, app_id: int) -> list[int]:
    """Makes three links of two partners; returns their numbers."""
    for number, partner in enumerate(("Acme", "Acme", "Bolt")):
        connection.execute(
            "INSERT INTO partners (name) VALUES (%s) ON CONFLICT DO NOTHING", (partner,)
        )
        connection.execute(
            "INSERT INTO links (app_id, partner_id, name, offer_id, pub_id, destination)"
            " SELECT %s, id, %s, %s, '1', 'https://shop.example/' FROM partners WHERE name = %s",
            (app_id, f"Link {number}", str(number), partner),
        )
    return [link for (link,) in connection.execute("SELECT id FROM links ORDER BY id")]


@dataclass
class Person:
    """A user as the raw rows show them."""

    origin: str = ""  # of the first attribution; '' organic
    times: list[datetime] = field(default_factory=list)  # of decisions, in order
    origins: list[str] = field(default_factory=list)
    events: list[tuple[datetime, str, Decimal, str]] = field(default_factory=list)

    @cached_property
    def first(self) -> date:
        return min(at for at, *_ in self.events).date()

    @cached_property
    def active_ages(self) -> set[int]:
        return {(at.date() - self.first).days for at, *_ in self.events}

    @cached_property
    def paid(self) -> list[tuple[int, Decimal]]:
        """Returns what was paid at each age, in euros."""
        known = [
            (at.date(), amount, Rates("EUR").rate(currency, at.date()))
            for at, _, amount, currency in self.events
            if amount
        ]
        return [
            ((day - self.first).days, amount * rate.value) for day, amount, rate in known if rate
        ]

    def origin_at(self, at: datetime) -> str:
        return self.origins[bisect_right(self.times, at) - 1]


def read_people(connection: Connection) -> dict[str, Person]:
    people: defaultdict[str, Person] = defaultdict(Person)
    decided = sorted(connection.execute(_ATTRIBUTIONS).fetchall(), key=lambda row: row[1])
    for user, at, origin_kind, origin, is_reattribution in decided:
        people[user].times.append(at)
        people[user].origins.append(origin if origin_kind else "")
        if not is_reattribution:
            people[user].origin = origin if origin_kind else ""
    for user, *event in connection.execute(_EVENTS):
        people[user].events.append((event[0], event[1], event[2], event[3]))
    return dict(people)


def assert_cohorts_are_those_of_raw_rows(connection: Connection, app: App) -> int:
    """Compares every metric, span and split, on two days; returns the number of values."""
    people, compared = read_people(connection), 0
    links = {link: (name, partner) for link, name, partner in connection.execute(_LINKS)}
    for today in (last_day(), FIRST_DAY + timedelta(days=100)):
        for metric in CohortMetric:
            for span in CohortSpan:
                for split in CohortSplit:
                    question = CohortQuestion(
                        period=PERIOD, metric=metric, span=span, split=split,
                        active_by=ActiveBy.EVENTS,
                    )  # fmt: skip
                    table = read_cohorts(connection, app, question, today)
                    found = {
                        (span.start_of(row.first), row.name): (row.users, row.values)
                        for row in table.rows
                    }
                    expected = _cohorts(people, links, question, today)
                    assert found == expected, question
                    compared += len(expected) * len(AGES)
    return compared


def _cohorts(
    people: Mapping[str, Person],
    links: Mapping[str, tuple[str, str]],
    question: CohortQuestion,
    today: date,
) -> dict[tuple[date, str], tuple[int, tuple[int | Decimal | None, ...]]]:
    members: defaultdict[tuple[date, str], list[Person]] = defaultdict(list)
    for person in people.values():
        first = person.first
        if PERIOD.first <= first <= PERIOD.last:
            name = {
                CohortSplit.NONE: "",
                CohortSplit.LINK: links[person.origin][0] if person.origin else "(organic)",
                CohortSplit.PARTNER: links[person.origin][1] if person.origin else "(organic)",
            }[question.split]
            start = {
                CohortSpan.DAY: first,
                CohortSpan.WEEK: first - timedelta(days=first.weekday()),
                CohortSpan.MONTH: first.replace(day=1),
            }[question.span]
            members[start, name].append(person)
    table: dict[tuple[date, str], tuple[int, tuple[int | Decimal | None, ...]]] = {}
    for (start, name), users in members.items():
        end = {
            CohortSpan.DAY: start,
            CohortSpan.WEEK: start + timedelta(days=6),
            CohortSpan.MONTH: (start + timedelta(days=31)).replace(day=1) - timedelta(days=1),
        }[question.span]
        youngest = min(end, PERIOD.last)
        values: list[int | Decimal | None] = []
        for age in AGES:
            if youngest + timedelta(days=age) >= today:
                values.append(None)
            elif question.metric is CohortMetric.RETENTION:
                values.append(sum(age in person.active_ages for person in users))
            else:
                paid = (amount for user in users for at, amount in user.paid if at <= age)
                values.append(round(sum(paid, Decimal(0)), 6))
        table[start, name] = len(users), tuple(values)
    return table


@dataclass
class Counted:
    """What raw rows say of links and partners by day; `counts` by link and kind."""

    counts: defaultdict[tuple[str, PricedBy, date], int]
    earned: defaultdict[tuple[date, str], Decimal]
    installs: defaultdict[tuple[date, str], int]


def _count(connection: Connection) -> Counted:
    links = {link: (name, owner) for link, name, owner in connection.execute(_LINKS)}
    counted, rates = Counted(defaultdict(int), defaultdict(Decimal), defaultdict(int)), Rates("EUR")
    for at, origin in connection.execute(_CLICKS):
        counted.counts[links[origin][0], PricedBy.CLICK, at.date()] += 1
    for person in read_people(connection).values():
        first = person.first
        if person.origin:
            link, partner = links[person.origin]
            counted.counts[link, PricedBy.INSTALL, first] += 1
            counted.installs[first, partner] += 1
        for at, kind, amount, currency in person.events:
            if origin := person.origin_at(at):
                link, partner = links[origin]
                if kind == "ad_revenue":
                    counted.counts[link, PricedBy.EVENT, at.date()] += 1
                rate = rates.rate(currency, at.date())
                if amount and rate:
                    counted.earned[at.date(), partner] += amount * rate.value
    return counted


def assert_costs_are_those_of_raw_rows(connection: Connection, app: App) -> int:
    """Prices links, uploads costs, and compares each day of each partner; returns their number."""
    by_name = {link.name: link for link in list_links(connection, app)}
    names = sorted(by_name)
    kinds = dict(zip(names, (PricedBy.CLICK, PricedBy.INSTALL, PricedBy.EVENT), strict=True))
    change, rates = FIRST_DAY + timedelta(days=30), Rates("EUR")
    for name, kind in kinds.items():
        event = "ad revenue" if kind is PricedBy.EVENT else ""
        for since, price in ((FIRST_DAY, "0.7"), (change, "0.123456")):
            new = NewPrice(kind, Decimal(price), "EUR", since, event)
            set_price(connection, ADMIN, app, by_name[name], new)
    partner = by_name[names[0]].partner
    upload = NewCost(change, partner, "USD", Decimal("12.5"), "spring")
    upload_costs(connection, ADMIN, app, [upload])
    counted = _count(connection)
    spent: defaultdict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for (name, kind, day), count in counted.counts.items():
        if kind is kinds[name] and FIRST_DAY <= day <= last_day():
            each = Decimal("0.123456" if day >= change else "0.7")
            spent[day, by_name[name].partner] += count * each
    dollars = rates.rate("USD", change)
    assert dollars
    spent[change, partner] += Decimal("12.5") * dollars.value
    question = Question(period=Period(FIRST_DAY, last_day()), split=Split.PARTNER)
    report = read_report(connection, app, question, rates)
    found = {
        (row.start.date(), row.name): row.figures
        for row in report.rows
        if row.start and row.figures.cost
    }
    assert found.keys() == spent.keys()
    for place, cost in spent.items():
        installs, figures = counted.installs[place], found[place]
        assert figures.cost == round(cost, 6)
        assert figures.cost_per_install == (round(cost / installs, 6) if installs else None)
        assert figures.return_on_cost is not None
        assert abs(figures.return_on_cost - float(counted.earned[place] / cost)) < 1e-9
    assert report.total.cost == round(sum(spent.values(), Decimal(0)), 6)
    whole = Question(period=question.period, by=Interval.TOTAL)
    assert read_report(connection, app, whole, rates).total.cost == report.total.cost
    return len(spent)
