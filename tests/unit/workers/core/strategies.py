"""Generated histories in a small world: few ids, few addresses, short windows, a coarse clock.

Small on purpose: ties, edges of windows and shared ids come up in most histories, not in one of a
million. A millisecond here is to `RULES` what hours are to the defaults.
"""

from typing import Any

from hypothesis import strategies as st

from tests.unit.workers.core.build import APP, GOOGLE, HOME, IPHONE, PIXEL, SUMMER, WINTER
from workers.core.devices import Device
from workers.core.history import Click, History, Signal, SignalKind
from workers.core.rules import Rules

RULES = Rules(
    click_deterministic_ms=40,
    click_probabilistic_ms=20,
    reattribution_window_ms=50,
    inactivity_ms=30,
    session_timeout_ms=5,
    view_device_id_ms=25,
    view_probabilistic_ms=15,
)
CLICK_IDS = ("C1", "C2", "C3", "C4", "C5", "C6")
BOT = Device("Spider", "Other", is_bot=True)

# What a call tells about its user: most often nothing, or what the one visitor would tell.
VISITOR: dict[str, Any] = {"address": HOME, "device": IPHONE}
TOLD: tuple[dict[str, Any], ...] = (
    VISITOR,
    {},
    VISITOR,
    VISITOR,
    {"device_ids": frozenset({"GAID-1"})},
    {"device_ids": frozenset({" gaid-1"}), **VISITOR},
    {"device_ids": frozenset({"idfa-2", "0000-0000"}), "address": HOME, "device": PIXEL},
    {"device_ids": frozenset({"0000-0000"}), "address": "10.0.0.5", "device": IPHONE},
    {"address": f"::ffff:{HOME}", "device": Device("iPhone", "iOS")},
    {"address": HOME, "device": BOT},
)

# Half of the clicks come before any signal can; multiples of five make edges and ties meet.
coming_ms = st.integers(0, 8).map(lambda step: step * 5)
staying_ms = st.integers(8, 36).map(lambda step: step * 5) | st.integers(40, 180)


def _signal(receipt: int, time_ms: int, kind: SignalKind, bound: str, told: Any) -> Signal:
    click_ids = frozenset({bound} - {""})
    return Signal(receipt=f"{receipt:02}", time_ms=time_ms, kind=kind, click_ids=click_ids, **told)


def _signals(size: int) -> st.SearchStrategy[list[Signal]]:
    one = st.builds(
        _signal,
        st.integers(0, 99),
        staying_ms,
        st.sampled_from((SignalKind.OPEN, *SignalKind)),
        st.sampled_from(("", "", "C1", "C1", "C2", "C3", "C4")),
        st.sampled_from(TOLD),
    )
    return st.lists(one, min_size=size, max_size=size, unique_by=lambda signal: signal.receipt)


def _click(click_id: str, app: str) -> st.SearchStrategy[Click]:
    # C1 is what an app's server makes for a visitor: it only ever lends.
    origins = (None,) if click_id == "C1" else (SUMMER, WINTER, GOOGLE, None)
    return st.builds(
        lambda time_ms, origin, told, is_view: Click(
            id=click_id, time_ms=time_ms, app=app, origin=origin, is_view=is_view, **told
        ),
        coming_ms | staying_ms,
        st.sampled_from(origins),
        st.sampled_from(TOLD),
        st.sampled_from((False, False, click_id in {"C3", "C5"})),
    )


def _clicks(size: int, app: str) -> st.SearchStrategy[tuple[Click, ...]]:
    return st.tuples(*(_click(click_id, app) for click_id in CLICK_IDS[:size]))


# Sizes are drawn: left to itself the generator makes nearly all lists very short.
signal_lists = st.integers(1, 10).flatmap(_signals)
click_lists = st.integers(0, 6).flatmap(lambda size: _clicks(size, APP))
foreign_clicks = st.integers(0, 1).flatmap(lambda size: _clicks(size, "other"))

# One user's facts, in the order in which they happened to arrive.
histories = st.builds(
    lambda told, own, foreign: History(app=APP, signals=tuple(told), clicks=(*foreign, *own)),
    signal_lists,
    click_lists,
    foreign_clicks,
)
