"""Counts a link's day: its clicks, its installs, and what the organic installs lacked for it."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from console.apps.apps import App
from console.apps.links import Link
from console.lookup.why_words import OBSTACLES
from console.moments import read_day
from shared.clock import now_ms
from shared.database import Connection, run
from shared.ids import receipt_floor
from shared.vocabulary import Rule
from workers.core.explanation import ClickExplanation, Obstacle
from workers.core.history import Origin, OriginKind
from workers.decisions.explain import USERS_MAX, explain_users

ORGANIC_MAX = 5_000  # explained; 2 ms each
_LATE = timedelta(days=2)  # after the day, for clicks that were delivered late

_CLICKS = """
    SELECT count(*) FROM clicks
    WHERE receipt >= %(first_receipt)s AND receipt < %(last_receipt)s
      AND link_id = %(link)s AND kind = 'click' AND environment = %(environment)s
      AND event_time >= %(start)s AND event_time < %(end)s
"""
_INSTALLS = """
    SELECT users.id, rule, origin_kind = 'link' AND origin = %(link)s::text
    FROM users
    JOIN attributions ON attributions.user_ref = users.id AND superseded_at IS NULL
    WHERE users.app_id = %(app)s AND environment = %(environment)s
      AND first_time >= %(start)s AND first_time < %(end)s AND NOT is_reattribution
    ORDER BY first_time, users.id
"""

# The users of each click of the day, however many apart their installs are.
_CREDITED_AGAIN = """
    SELECT count(*), coalesce(sum(credited.users - 1), 0)::integer
    FROM (
        SELECT count(DISTINCT users.id) AS users
        FROM clicks
        JOIN attributions ON attributions.click_id = clicks.click_id AND superseded_at IS NULL
        JOIN users ON users.id = attributions.user_ref
          AND users.app_id = clicks.app_id AND users.environment = clicks.environment
        WHERE clicks.receipt >= %(first_receipt)s AND clicks.receipt < %(last_receipt)s
          AND link_id = %(link)s AND clicks.environment = %(environment)s
          AND clicks.event_time >= %(start)s AND clicks.event_time < %(end)s
        GROUP BY clicks.click_id
        HAVING count(DISTINCT users.id) > 1
    ) AS credited
"""

_BY_VIEW = frozenset({Rule.VIEW_DEVICE_ID, Rule.VIEW_ADDRESS_AND_DEVICE})

# From what came closest to counting to what was farthest from it.
_CLOSEST = (
    None,
    Obstacle.USED_UP,
    Obstacle.CROWDED,
    Obstacle.OUTSIDE_WINDOW,
    Obstacle.LATER,
    Obstacle.OTHER_VERSION,
    Obstacle.OTHER_MODEL,
    Obstacle.OTHER_PLATFORM,
)


@dataclass(frozen=True)
class Shortfall:
    """The organic installs that came closest to a click of the link in this way."""

    obstacle: str
    words: str
    installs: int


@dataclass(frozen=True)
class LinkDay:
    """A link's day, in the app's time zone.

    `explained` of the `organic_installs` of the app were looked at.
    `view_installs` of the installs came from an impression. `clicks_credited_again` of the clicks
    and impressions were credited to more than one user, to `further_users` besides the first of
    each. `near` of the explained had a click of the link from their address, within two days before
    or an hour after; `shortfalls` add up to it.
    """

    day: date
    clicks: int
    installs: int
    view_installs: int
    clicks_credited_again: int
    further_users: int
    organic_installs: int
    explained: int
    near: int
    shortfalls: list[Shortfall]


def day_or_today(app: App, text: str | None) -> date:
    """Reads a day, today by the app's clock without one. Raises BadValue."""
    return read_day("day", text) or app.today(now_ms())


def read_link_day(
    connection: Connection, app: App, environment: str, link: Link, day: date
) -> LinkDay:
    """Counts a day of a link, from the facts and by the rules that the app has now."""
    start, end = app.days.start(day), app.days.end(day)
    arguments = {
        "app": app.id,
        "environment": environment,
        "link": link.id,
        "start": start,
        "end": end,
        "first_receipt": receipt_floor(int(start.timestamp() * 1000)),
        "last_receipt": receipt_floor(int((end + _LATE).timestamp() * 1000)),
    }
    [(clicks,)] = run(connection, _CLICKS, arguments).fetchall()
    [(clicks_credited_again, further_users)] = run(
        connection, _CREDITED_AGAIN, arguments
    ).fetchall()
    installs = run(connection, _INSTALLS, arguments).fetchall()
    organic = [user for user, rule, _ in installs if rule == Rule.ORGANIC]
    explained = organic[:ORGANIC_MAX]
    shortfalls = _shortfalls(connection, explained, Origin(OriginKind.LINK, str(link.id)))
    return LinkDay(
        day=day,
        clicks=clicks,
        installs=sum(bool(is_links) for _, _, is_links in installs),
        view_installs=sum(bool(is_links) and rule in _BY_VIEW for _, rule, is_links in installs),
        clicks_credited_again=clicks_credited_again,
        further_users=further_users,
        organic_installs=len(organic),
        explained=len(explained),
        near=sum(shortfalls.values()),
        shortfalls=[
            Shortfall(str(obstacle), OBSTACLES[obstacle], count)
            for obstacle, count in shortfalls.most_common()
        ],
    )


def _shortfalls(connection: Connection, user_refs: list[int], origin: Origin) -> Counter[Obstacle]:
    counts: Counter[Obstacle] = Counter()
    for start in range(0, len(user_refs), USERS_MAX):
        for user in explain_users(connection, user_refs[start : start + USERS_MAX]):
            clicks = (click for click in user.explanation.clicks if click.click.origin == origin)
            found = {_by_address(click) for click in clicks}
            closest = next((each for each in _CLOSEST if each in found), None)
            if closest is not None:
                counts[closest] += 1
    return counts


def _by_address(explained: ClickExplanation) -> Obstacle | None:
    """Returns what kept a click from counting by address and device."""
    for step in explained.steps:
        if step.rule is Rule.ADDRESS_AND_DEVICE:
            return step.obstacle
    return None
