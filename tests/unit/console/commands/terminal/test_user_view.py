"""Tests a user's timeline as it is printed."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO

from console.commands.terminal.output import console_on
from console.commands.terminal.user_view import describe_user
from console.lookup.attributions import AttributionRecord, BeatenClick
from console.lookup.sessions import SessionRecord
from console.lookup.timeline_words import format_instant
from console.lookup.user_timeline import ClickRecord, ClickRole, UserTimeline
from tests.unit.console.demo.test_demo import PURCHASE, RECEIPT

CAME = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)

CLICK = ClickRecord(
    click_id="c1",
    kind="click",
    event_time=CAME - timedelta(minutes=3),
    receipt=RECEIPT,
    origin="Partner / Summer",
    ip_address="198.51.100.7",
    user_agent=None,
    device_ids={},
    parameters={},
    role=ClickRole.CREDITED,
)
DECISION = AttributionRecord(
    event_time=CAME,
    receipt=RECEIPT,
    rule="device_id",
    click_id="c1",
    origin="Partner / Summer",
    through="c2",
    beaten=[BeatenClick("c3", "address_and_device", "weaker_rule")],
    considered=14,
    is_reattribution=False,
    rules_version=2,
    decided_at=CAME + timedelta(seconds=1),
    superseded_at=None,
)
USER = UserTimeline(
    app="Shop",
    environment="sandbox",
    user_id="u\x1b",
    first_time=CAME,
    device_ids=["g"],
    clicks=[CLICK],
    events=[replace(PURCHASE, event_time=CAME, sale_amount="42", sale_amount_currency="EUR")],
    sessions=[SessionRecord(CAME, CAME + timedelta(minutes=2), 1, 3)],
    attributions=[DECISION],
)


def printed(user: UserTimeline) -> str:
    """Returns the printed text without frames, each run of blanks as one."""
    file = StringIO()
    console = console_on(file)
    for part in describe_user(user):
        console.print(part)
    return re.sub(r"[\s│┃┡╇┩━─┏┳┓┗└┴┘├┼┤┛]+", " ", file.getvalue())


def test_times_are_utc_to_the_millisecond_with_the_zone_written() -> None:
    eastern = CAME.astimezone(timezone(timedelta(hours=-5)))

    assert format_instant(CAME) == format_instant(eastern) == "2026-01-02 03:04:05.678 UTC"


def test_a_timeline_is_in_time_order_what_happened_before_what_was_made_of_it() -> None:
    text = printed(USER)

    places = [text.index(word) for word in ("c1, credited", "purchase", "120 s", "attributed to")]
    assert places == sorted(places)


def test_an_attribution_says_who_won_by_what_and_why_each_other_lost() -> None:
    text = printed(USER)

    assert "attributed to Partner / Summer, click c1, matched by device ID" in text
    assert "matched through click c2" in text
    assert "click c3, matched by IP address and device: another click matched by a stronger" in text
    assert "not credited: 12 more" in text
    assert "version 2 of the rules" in text


def test_a_superseded_decision_is_marked_with_the_time_of_its_end() -> None:
    superseded = replace(DECISION, superseded_at=CAME + timedelta(days=1))

    assert "SUPERSEDED" not in printed(USER)
    assert "SUPERSEDED 2026-01-03 03:04:05.678 UTC" in printed(
        replace(USER, attributions=[superseded])
    )


def test_organic_and_back_again_are_said() -> None:
    organic = replace(DECISION, rule="organic", click_id=None, origin=None, beaten=[], considered=0)
    text = printed(replace(USER, attributions=[organic, replace(DECISION, is_reattribution=True)]))

    assert "organic: no click matched" in text
    assert "reattributed to" in text


def test_a_user_without_a_decision_yet_says_so() -> None:
    assert "first seen not decided yet" in printed(replace(USER, first_time=None))


def test_what_came_from_outside_cannot_move_the_cursor() -> None:
    assert "u\\x1b" in printed(USER)
    assert "\x1b" not in printed(USER)
