from collections import Counter

import msgspec

from console.demo.sample_week import DAYS, LINKS, USERS, sample_lines
from shared.lines.line_format import Destination, read_line
from shared.rules import DAY_MS

NOW_MS = 1_790_000_000_000


def test_every_line_of_the_made_up_week_can_be_imported() -> None:
    links = {name: number for number, (_, name) in enumerate(LINKS, start=1)}
    destination = Destination(1, links, {}, NOW_MS)

    events = [read_line(msgspec.json.encode(line), destination) for line in sample_lines(NOW_MS)]

    kinds = Counter(event.kind for event in events)
    assert {"open", "event", "click", "ad_revenue"} == set(kinds)
    assert len({event.user_id for event in events if event.user_id}) > USERS * 0.8
    assert len({event.parameters.get("country") for event in events}) > 4
    assert len({event.receipt for event in events}) == len(events)


def test_it_leads_up_to_now_and_is_the_same_each_time() -> None:
    lines = list(sample_lines(NOW_MS))

    times = [line["time"] for line in lines]
    assert NOW_MS - (DAYS + 1) * DAY_MS <= min(times) < max(times) <= NOW_MS
    assert lines == list(sample_lines(NOW_MS))
