"""Measures what an event costs over the size of its user, and over the width of its identifier.

    python -m tests.tools.measure_bounds [--max 1000000] [--write]

Users, signals and identities are written by SQL, so that a million takes seconds; what is measured
is what a drain does with one more event: it records and decides it. Prints the medians, and with
--write draws docs/performance/bounds-light.svg and -dark.svg.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from html import escape
from math import log10
from pathlib import Path
from statistics import median

from deploy.stack import EmbeddedStores, Plan, Stack
from shared.clock import now_ms
from shared.database import Connection, connect
from shared.events import Event, Kind
from shared.ids import new_receipt
from shared.migrate import migrate
from shared.partitions import make_partitions
from tests.integration.fresh import fresh
from workers.core.decision import decide
from workers.decisions.decide_due import decide_due
from workers.decisions.derive import derive
from workers.decisions.user_decisions import UserDecisions
from workers.facts.record import record

PICTURES = Path(__file__).parents[2] / "docs" / "performance"
SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)
EVENTS = 15
SLICE_SIGNALS = 2_000  # as they come to a drain, in the order of time
ANALYZE_SIGNALS = 50_000
ID = {"idfv": "00000007-2222-4333-8444-555555555555"}
Series = dict[str, dict[int, float]]

_SIGNALS = """
INSERT INTO signals (user_ref, event_time, receipt, kind, device_family, device_os, device_version,
                     device_is_bot, device_ids, click_ids)
SELECT %s, to_timestamp(%s / 1000.0) + n * interval '100 ms', gen_random_uuid(),
       CASE WHEN n %% 10 = 0 THEN 'open' ELSE 'event' END, '', '', '', false, '{}', ARRAY[%s]
FROM generate_series(1, %s) AS n
"""
_USERS = """
INSERT INTO users (app_id, environment, user_id)
SELECT %s, 'production', %s || n FROM generate_series(1, %s) AS n
"""
_IDENTITIES = """
INSERT INTO identities (app_id, environment, kind, value, user_ref)
SELECT app_id, environment, 'device', %s, id FROM users WHERE user_id LIKE %s
"""


def main() -> None:
    """Measures, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max", type=int, default=SIZES[-1])
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    sizes = [size for size in SIZES if size <= chosen.max]
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(stores=EmbeddedStores())
        with (
            Stack(Path(folder), {}, plan, lambda _: None) as stack,
            connect(stack.database_url, "tests") as connection,
        ):
            migrate(connection, finish=True)
            make_partitions(connection, now_ms())
            panels = {
                "a user in one run of so many events": _of_users(connection, sizes),
                "a device ID that so many users name": _of_widths(connection, sizes),
            }
    for panel, series in panels.items():
        for name, points in series.items():
            print(panel, "|", name, "|", {size: round(ms, 1) for size, ms in points.items()})
    if chosen.write:
        for theme in _THEMES:
            (PICTURES / f"bounds-{theme}.svg").write_text(_draw(panels, theme))


def _of_users(connection: Connection, sizes: Sequence[int]) -> Series:
    points: dict[int, float] = {}
    late: dict[int, float] = {}
    now = now_ms() - 3_600_000
    for size in sizes:
        user = f"user of {size}"
        connection.execute(_USERS.encode(), (1, user, 1))
        row = connection.execute("SELECT id FROM users WHERE user_id = %s", (f"{user}1",))
        [(number,)] = row.fetchall()
        connection.execute("SET statement_timeout = 0")
        for done in range(0, size, SLICE_SIGNALS):
            from_ms = now - 100 * (size - done)
            count = min(SLICE_SIGNALS, size - done)
            connection.execute(_SIGNALS.encode(), (number, from_ms, f"{user}1", count))
            if done % ANALYZE_SIGNALS == 0:
                connection.execute("ANALYZE signals, run_marks")
            UserDecisions(connection, decide).make({number: from_ms})
        events = (
            fresh(user_id=f"{user}1", event_time_ms=now + 100 * n, kind=Kind.EVENT)
            for n in range(1, EVENTS + 1)
        )
        points[size] = _median_ms(connection, events)
        half = now - 50 * size
        events = (
            fresh(user_id=f"{user}1", event_time_ms=half + 100 * n, kind=Kind.EVENT)
            for n in range(1, EVENTS + 1)
        )
        late[size] = _median_ms(connection, events)
        _decide_anew(connection, size, fresh(user_id=f"{user}1", event_time_ms=half, device_ids=ID))
    return {"its next event": points, "one that comes late": late}


def _decide_anew(connection: Connection, size: int, event: Event) -> None:
    """Prints what a device ID that is new to the user costs."""
    began_at = time.monotonic()
    record(connection, [event])
    derive(connection, [event])
    at_once = time.monotonic() - began_at
    decide_due(connection, 600)
    whole = time.monotonic() - began_at
    print(f"a new device ID of a user of {size:,}: {1000 * at_once:.0f} ms, then {whole:.1f} s")


def _of_widths(connection: Connection, sizes: Sequence[int]) -> Series:
    clicks: dict[int, float] = {}
    events: dict[int, float] = {}
    at_ms = now_ms() - 3_600_000
    for size in (10, *sizes):
        ids = {"gaid": f"{size:08x}-2222-4333-8444-555555555555"}
        connection.execute(_USERS.encode(), (2, f"one of {size}: ", size))
        connection.execute(_IDENTITIES.encode(), (ids["gaid"], f"one of {size}: %"))
        connection.execute("ANALYZE users, identities")
        clicks[size] = _median_ms(
            connection,
            (
                fresh(
                    app_id=2, kind=Kind.CLICK, receipt=new_receipt(at_ms), user_id="",
                    event_id="", click_id=f"{size} {n}", event_time_ms=at_ms, link_id=1,
                    device_ids=ids,
                )
                for n in range(EVENTS)
            ),
        )  # fmt: skip
        first = fresh(app_id=2, user_id=f"first {size}", device_ids=ids)
        _median_ms(connection, [first])  # marks the id; whoever was decided by it is due
        decide_due(connection, 600)
        events[size] = _median_ms(
            connection,
            (fresh(app_id=2, user_id=f"{size} {n}", device_ids=ids) for n in range(EVENTS)),
        )
    return {"a click with it": clicks, "one more user's event": events}


def _median_ms(connection: Connection, events: Iterable[Event]) -> float:
    taken = []
    for event in events:
        began_at = time.monotonic()
        record(connection, [event])
        derive(connection, [event])
        taken.append((time.monotonic() - began_at) * 1000)
    return median(taken)


_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 420, 260, 50, 220
_THEMES = {
    "light": {"ink": "#1f2328", "faint": "#59636e", "lines": ("#0969da", "#8250df")},
    "dark": {"ink": "#f0f6fc", "faint": "#9198a1", "lines": ("#4493f8", "#ab7df8")},
}


def _draw(panels: dict[str, Series], theme: str) -> str:
    colours = _THEMES[theme]
    largest = max(ms for series in panels.values() for it in series.values() for ms in it.values())
    top = 10 ** -(-log10(largest) // 1)

    def place(size: int, ms: float) -> tuple[float, float]:
        x = _LEFT + (log10(size) - 1) / 5 * (_WIDTH - _LEFT - 20)
        return x, _BOTTOM - max(0.0, log10(max(ms, 1)) / log10(top)) * (_BOTTOM - 50)

    write: Callable[..., str] = lambda x, y, text, fill, anchor="middle": (  # noqa: E731
        f"<text x='{x:.0f}' y='{y:.0f}' fill='{fill}' text-anchor='{anchor}'>{escape(text)}</text>"
    )
    parts = []
    for number, (panel, series) in enumerate(panels.items()):
        parts.append(f"<g transform='translate({number * _WIDTH} 0)'>")
        parts.append(write(_LEFT, 18, f"ms an event, by {panel}", colours["ink"], "start"))
        for power in range(int(log10(top)) + 1):
            _, y = place(10, 10**power)
            grid = f"d='M{_LEFT} {y:.0f}H{_WIDTH - 20}' stroke='{colours['faint']}'"
            parts.append(f"<path {grid} stroke-opacity='.3'/>")
            parts.append(write(_LEFT - 6, y + 4, f"{10**power:,}", colours["faint"], "end"))
        parts += [
            write(place(size, 1)[0], _BOTTOM + 18, f"{size:,}", colours["faint"])
            for size in (10, *SIZES)
        ]
        for line, (name, points) in enumerate(series.items()):
            colour = colours["lines"][line]
            path = " ".join("{:.0f},{:.0f}".format(*place(size, ms)) for size, ms in points.items())
            stroke = f"fill='none' stroke='{colour}' stroke-width='2'"
            parts.append(f"<polyline points='{path}' {stroke}/>")
            parts.append(write(_LEFT + 4, 38 + 16 * line, name, colour, "start"))
        parts.append("</g>")
    width = 2 * _WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" '
        f'width="{width}" height="{_HEIGHT}" font-family="system-ui, sans-serif" '
        'font-size="12" role="img" '
        'aria-label="Cost of an event over the size of its user and the width of its ID">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    main()
