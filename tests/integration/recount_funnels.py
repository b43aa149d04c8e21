"""Recounts funnels from raw rows in plain Python; it shares nothing with reports but names."""

from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import UTC, datetime, time, timedelta
from itertools import product

from console.apps.apps import App
from console.reports.funnels.funnel import read_funnel
from console.reports.funnels.funnel_question import FunnelQuestion, FunnelSplit
from console.reports.period import Period
from shared.database import Connection
from tests.support.money import FIRST_DAY

_EVENTS = """
SELECT user_id, event_time, CASE kind WHEN 'event' THEN event_id ELSE kind END
FROM events WHERE app_id = %s AND environment = %s AND counted
"""
_ATTRIBUTIONS = """
SELECT user_id, event_time, origin_kind, origin FROM attributions JOIN users ON users.id = user_ref
WHERE app_id = %s AND environment = %s AND superseded_at IS NULL ORDER BY event_time, receipt
"""
_LINKS = """
SELECT links.id::text, links.name, partners.name
FROM links JOIN partners ON partners.id = partner_id
"""
Counts = Counter[tuple[str, int]]  # by the name of the breakdown and the step


def recount_funnel(
    connection: Connection, app_id: int, question: FunnelQuestion, mapping_ids: dict[str, str]
) -> Counts:
    """Counts the users of each name and step; `mapping_ids` are those of the steps by name."""
    wanted = [mapping_ids[step] for step in question.steps]
    begin = datetime.combine(question.period.first, time(), UTC)
    end = datetime.combine(question.period.last, time(), UTC) + timedelta(days=1)
    where = (app_id, question.environment)
    times: defaultdict[str, defaultdict[str, list[datetime]]]
    times = defaultdict(lambda: defaultdict(list))
    for user, at, event in connection.execute(_EVENTS, where):
        times[user][event].append(at)
    origins: defaultdict[str, list[tuple[datetime, str, str]]] = defaultdict(list)
    for user, at, kind, origin in connection.execute(_ATTRIBUTIONS, where):
        origins[user].append((at, kind or "", origin or ""))
    links = {number: (link, partner) for number, link, partner in connection.execute(_LINKS)}
    counts: Counts = Counter()
    for user, of_type in times.items():
        begun = min((at for at in of_type[wanted[0]] if begin <= at < end), default=None)
        if begun is None:
            continue
        place = bisect_right([at for at, *_ in origins[user]], begun)
        _, kind, origin = origins[user][place - 1]
        link, partner = links.get(origin, ("", "")) if kind == "link" else ("(organic)",) * 2
        if question.partner not in {None, partner}:
            continue
        names = {FunnelSplit.PARTNER: partner, FunnelSplit.LINK: link}
        reached = begun
        for step, event in enumerate(wanted):
            later = [at for at in of_type[event] if reached <= at <= begun + question.window]
            if not later:
                break
            reached = min(later)
            counts["", step] += 1
            if question.split in names:
                counts[names[question.split], step] += 1
    return counts


def assert_funnels_are_those_of_raw_rows(connection: Connection, app: App) -> int:
    """Compares funnels of the traffic of `tests.support.money`; returns the number of users."""
    mapping_ids = {"open": "open", "ad revenue": "ad_revenue", "(unmapped)": "buy"}
    period, compared = Period(FIRST_DAY, FIRST_DAY + timedelta(days=60)), 0
    steps = (("open", "(unmapped)"), ("open", "(unmapped)", "ad revenue"))
    for chosen, split, hours in product(steps, FunnelSplit, (24, 24 * 30)):
        question = FunnelQuestion(period=period, steps=chosen, split=split, window_hours=hours)
        expected = recount_funnel(connection, app.id, question, mapping_ids)
        funnel = read_funnel(connection, app, question)
        found = Counter(
            {
                (row.name, step): users
                for row in (funnel.total, *funnel.rows)
                for step, users in enumerate(row.users)
                if users
            }
        )
        assert found == expected, question
        compared += sum(expected.values())
    return compared
