"""The law of the fast path: what it reads, it reads as the endpoint does."""

from urllib.parse import urlencode

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.dialects.dialect import Dialect, ParsedRequest
from ingest.dialects.swaarm.postback import POSTBACK
from ingest.dialects.swaarm.s2sevent import S2SEVENT
from ingest.parameters import Parameters, RawParameters, plain_values
from shared.device_ids import DEVICE_IDS
from shared.errors import RequestError
from shared.events import Kind
from tests.support.build import NOW_MS, request_context
from tests.support.placeholders import placeholders

USER = "0F0E0D0C-BEAD-4000-8000-000000000001"
GOOD = {
    POSTBACK: {"s2s_token": "t", "user_id": USER, "event_id": "purchase"},
    S2SEVENT: {
        "s2s_token": "t",
        "user_id": USER,
        "event_id": "purchase",
        "ip_address": "203.0.113.7",
        "user_agent": "Mozilla/5.0 (iPhone)",
    },
}
DIALECTS = st.sampled_from(list(GOOD))


class Watched(dict[str, str]):
    """Values that remember which names were asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self.asked.add(name)
        return super().get(name, default)

    def pop(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.asked.add(name)
        return super().pop(name, default)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)


def names_read(dialect: Dialect) -> list[str]:
    """Every name that the endpoint looks for where user and event are named, and secrets."""
    watched = Watched({k: v for k, v in GOOD[dialect].items() if k != "s2s_token"})
    dialect.read(Parameters(watched), request_context())
    return sorted(watched.asked | dialect.secret_names | DEVICE_IDS)


NAMES = {dialect: names_read(dialect) for dialect in GOOD}
IDS = st.sampled_from(
    [
        *(
            "u-1",
            USER,
            USER.lower(),
            " spaced ",
            "__open",
            "install",
            "0",
            "00000000-0000-0000",
            "a\tb",
        ),
        *("null", "d41d8cd98f00b204e9800998ecf8427e", "{user_id}", "x" * 257, "", " ", "TRUE"),
    ]
)
NUMBERS = st.sampled_from(["9.99", "0", "1.1234567", "-3", "1e3", "12,5", " 7 ", str(10**12)])
TIMES = st.sampled_from(
    [str(NOW_MS), str(NOW_MS // 1000), "1", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z+0100"]
)
ADDRESSES = st.sampled_from(["198.51.100.7", "2001:db8::1", "10.0.0.1, 8.8.8.8", "[::1]:5", "x"])
WORDS = st.sampled_from(["EUR", "eur", "XXX", "UAH", "Mozilla/5.0 (Linux; Android 14)", "a%2Bb"])
VALUES = IDS | NUMBERS | TIMES | ADDRESSES | WORDS | placeholders() | st.uuids().map(str)


def both(dialect: Dialect, values: dict[str, str]) -> tuple[ParsedRequest | None, object]:
    """What the fast path reads of a query, and what the endpoint does, or its error."""
    query = urlencode(values).encode()
    raw, plain_ones = RawParameters(query), plain_values(query)
    if plain_ones is None:
        return None, None
    context = request_context()
    try:
        plain = dialect.read_plain and dialect.read_plain(plain_ones, context)
    except RequestError:
        plain = None
    sent = raw.parameters(without=dialect.secret_names)
    try:
        parsed = dialect.read(sent, context)
    except RequestError as error:
        return plain, error
    return plain, (parsed, sent.unread)


@settings(max_examples=800, deadline=None)
@given(st.data(), DIALECTS)
def test_the_fast_path_reads_the_same_event_as_the_endpoint(
    data: st.DataObject, dialect: Dialect
) -> None:
    names = st.sampled_from([*NAMES[dialect], "plan", "Country", "__proto__"])
    changes = data.draw(st.dictionaries(names, VALUES, max_size=5))
    plain, read = both(dialect, {**GOOD[dialect], **changes})

    note(f"fast: {plain is not None}")
    if plain is not None:
        assert read == (plain, [])


@pytest.mark.parametrize("dialect", GOOD, ids=["postback", "s2sevent"])
def test_the_documented_call_is_read_the_fast_way(dialect: Dialect) -> None:
    usual = {
        "sale_amount": "4.99",
        "sale_amount_currency": "EUR",
        "event_value": "gold",
        "ip_address": "198.51.100.7",
        "user_agent": "Mozilla/5.0 (Linux; Android 14)",
        "gaid": "38400000-8cf0-11bd-b23e-10b96e40000d",
        "idempotency_key": "order-4711",
        "event_time": str(NOW_MS // 1000),
        "aggregated_event_value": "2",
        "plan": "premium",
    }
    plain, read = both(dialect, {**GOOD[dialect], **usual})

    assert plain is not None
    assert read == (plain, [])
    assert plain.event.idempotency_key == "order-4711"
    assert plain.event.parameters == {"plan": "premium"}
    assert plain.event.event_time_ms == NOW_MS // 1000 * 1000


def test_an_open_is_read_the_fast_way_and_leaves_its_marker() -> None:
    plain, _ = both(POSTBACK, {**GOOD[POSTBACK], "event_id": "__open"})

    assert plain is not None
    assert plain.event.kind is Kind.OPEN
    assert plain.marker is not None


@pytest.mark.parametrize("name", ["click_id", "user_ip", "revenue", "created_at", "token"])
def test_another_spelling_is_left_to_the_endpoint(name: str) -> None:
    assert both(POSTBACK, {**GOOD[POSTBACK], name: "7"})[0] is None


@pytest.mark.parametrize("dialect", GOOD, ids=["postback", "s2sevent"])
def test_a_call_that_lacks_a_field_is_left_to_the_endpoint(dialect: Dialect) -> None:
    for name in GOOD[dialect].keys() - {"s2s_token"}:
        values = {key: value for key, value in GOOD[dialect].items() if key != name}
        assert both(dialect, values)[0] is None
