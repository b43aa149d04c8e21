"""The law of the fast path: what it reads, it reads as the endpoint does."""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
from hypothesis import event as note
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ingest.client import ClientInfo
from ingest.dialects.adjust.ad_revenue import AD_REVENUE
from ingest.dialects.adjust.event import EVENT
from ingest.dialects.adjust.session import SESSION
from ingest.dialects.dialect import Dialect, ParsedRequest, RequestContext
from ingest.dialects.plain_fields import plain_id, plain_ids, plain_user_id, plain_user_ids
from ingest.dialects.swaarm.click import CLICK, IMPRESSION
from ingest.dialects.swaarm.postback import POSTBACK
from ingest.dialects.swaarm.s2sevent import S2SEVENT
from ingest.parameters import Parameters, RawParameters, plain_values
from shared import fields
from shared.device_ids import DEVICE_IDS, SHARED_BY_MANY, is_unfilled
from shared.errors import MalformedField, RequestError
from shared.events import Environment, Kind
from shared.snapshot import NO_TOKEN, KnownApp, KnownEventType
from tests.support.build import NOW_MS, device_id, grant, link, request_context
from tests.support.placeholders import placeholders

USER = "0F0E0D0C-BEAD-4000-8000-000000000001"
GAID = "38400000-8cf0-11bd-b23e-10b96e40000d"
AGENT = "Mozilla/5.0 (Linux; Android 14; Pixel 8)"
APP = KnownApp(
    1,
    event_types={
        "tok": KnownEventType(9, "purchase"),
        "once": KnownEventType(10, "tutorial", is_unique=True),
    },
)
LINK = link(destination="https://shop.example/w?c={campaign}&id={gaid}&x={click_id}&ua={user_ua}")
_ADJUST = {"app_token": "4w565xzmb54d", "s2s_token": "t", "gps_adid": GAID}


class Endpoint(NamedTuple):
    """An endpoint with a call that has what it requires, and one as its page shows it."""

    dialect: Dialect
    context: RequestContext
    required: dict[str, str]
    usual: dict[str, str]


_SWAARM_USUAL = {
    "sale_amount": "4.99",
    "sale_amount_currency": "EUR",
    "event_value": "gold",
    "ip_address": "198.51.100.7",
    "user_agent": AGENT,
    "gaid": GAID,
    "idempotency_key": "order-4711",
    "event_time": str(NOW_MS // 1000),
    "aggregated_event_value": "2",
    "plan": "premium",
}
_ADJUST_USUAL = {
    "s2s": "1",
    "environment": "production",
    "created_at_unix": str(NOW_MS // 1000),
    "ip_address": "198.51.100.7",
    "user_agent": AGENT,
    "os_name": "android",
    "os_version": "14",
    "device_name": "Pixel 8",
    "callback_params": '{"plan":"premium"}',
    "partner_params": "{}",
}
_LINKED = {"context": request_context(grant=grant(token_id=NO_TOKEN), link=LINK)}
_OF_APP = {"context": request_context(app=APP)}
_LINK_NAMES = {"offer_id": "12", "pub_id": "34"}
_CLICK_USUAL = {
    "user_ip": "198.51.100.7",
    "user_ua": AGENT,
    "gaid": GAID,
    "campaign": "spring",
    "event_time": "1",
}
_AD = {"revenue": "0.004", "currency": "USD", "ad_impressions_count": "3"}
ENDPOINTS = {
    "postback": Endpoint(
        POSTBACK,
        request_context(),
        {"s2s_token": "t", "user_id": USER, "event_id": "purchase"},
        _SWAARM_USUAL,
    ),
    "s2sevent": Endpoint(
        S2SEVENT,
        request_context(),
        {
            "s2s_token": "t",
            "user_id": USER,
            "event_id": "purchase",
            "ip_address": "203.0.113.7",
            "user_agent": "Mozilla/5.0 (iPhone)",
        },
        _SWAARM_USUAL,
    ),
    "click": Endpoint(CLICK, required=_LINK_NAMES, usual=_CLICK_USUAL, **_LINKED),
    "impression": Endpoint(IMPRESSION, required=_LINK_NAMES, usual=_CLICK_USUAL, **_LINKED),
    "event": Endpoint(
        EVENT,
        required={**_ADJUST, "event_token": "tok"},
        usual={**_ADJUST_USUAL, "revenue": "4.99", "currency": "EUR"},
        **_OF_APP,
    ),
    "session": Endpoint(SESSION, required=_ADJUST, usual=_ADJUST_USUAL, **_OF_APP),
    "ad_revenue": Endpoint(
        AD_REVENUE,
        required={**_ADJUST, **_AD},
        usual={**_ADJUST_USUAL, "ad_revenue_network": "acme", "ad_revenue_unit": "u"},
        **_OF_APP,
    ),
}
each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=list(ENDPOINTS))


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


def names_read(endpoint: Endpoint) -> list[str]:
    """Every name that the endpoint looks for where the required ones are there, and secrets."""
    secrets = endpoint.dialect.secret_names
    watched = Watched({k: v for k, v in endpoint.required.items() if k not in secrets})
    endpoint.dialect.read(Parameters(watched), endpoint.context)
    return sorted(watched.asked | secrets | DEVICE_IDS | set(endpoint.usual))


NAMES = {name: names_read(endpoint) for name, endpoint in ENDPOINTS.items()}
IDS = st.sampled_from(
    [
        *("u-1", USER, USER.lower(), GAID, " spaced ", "__open", "install", "0", "a\tb", "tok"),
        *("null", "d41d8cd98f00b204e9800998ecf8427e", "{user_id}", "x" * 257, "", " ", "TRUE"),
        *("00000000-0000-0000", "00000000-0000-0000-0000-000000000000", "once", "nan-1"),
        *("11111111-1111-1111-1111-111111111111", "d41d8cd9-8f00-b204-e980-0998ecf8427e"),
        *("00011111-aaaa-bbbb-cccc-dddddddddddd", "02:00:00:00:00:00", f"{{{USER}}}"),
        *SHARED_BY_MANY,
        *(device_id(kind) for kind in ("mac", "adid", "imei", "android_id_lower_sha1")),
    ]
)
NUMBERS = st.sampled_from(
    [
        *("9.99", "0", "1.1234567", "-3", "1e3", "12,5", " 7 ", str(10**12), "0.0009", "0.001"),
        *("00.5", "0.000", "-0", "+1", ".5", "5.", "1e-9", "9999999999.999999", "10000000000"),
        *("2147483647", "2147483648"),
    ]
)
SECONDS = NOW_MS // 1000
TIMES = st.sampled_from(
    [
        *(str(NOW_MS), str(SECONDS), "1", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z+0100"),
        *(str(SECONDS + 1), str(SECONDS + 86_400), str(SECONDS + 86_401), "00" + str(SECONDS)),
        *(str(SECONDS - 58 * 86_400), str(SECONDS - 58 * 86_400 + 1), str(SECONDS - 59 * 86_400)),
        *("9999999999", "0999999999", "1767323045.5", "1" * 15),
    ]
)
ADDRESSES = st.sampled_from(
    ["198.51.100.7", "2001:db8::1", "10.0.0.1, 8.8.8.8", "[::1]:5", "x", "01.2.3.4", "1.2.3"]
)
WORDS = st.sampled_from(
    [
        *("EUR", "eur", "XXX", "UAH", "Mozilla/5.0 (Linux; Android 14)", "a%2Bb", "sandbox"),
        *("production", "Sandbox", "{}", '{"a":1}', "[]", "{", "true", "1", "x" * 2_049, "?"),
        *("Mozilla%2F5.0+%28X11%29", "__unknown__", "android", "ios"),
    ]
)
VALUES = IDS | NUMBERS | TIMES | ADDRESSES | WORDS | placeholders() | st.uuids().map(str)


def both(
    endpoint: Endpoint, values: dict[str, str], context: RequestContext | None = None
) -> tuple[ParsedRequest | None, object]:
    """What the fast path reads of a query, and what the endpoint does, or its error."""
    query, dialect = urlencode(values).encode(), endpoint.dialect
    raw, plain_ones = RawParameters(query), plain_values(query)
    if plain_ones is None:
        return None, None
    context = context or endpoint.context
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


def contexts(endpoint: Endpoint) -> st.SearchStrategy[RequestContext]:
    """The context of an endpoint, by a token of either environment, and for a link the client."""
    given_one = endpoint.context
    tested = structs.replace(given_one.grant, environment=Environment.SANDBOX)
    known = [given_one, structs.replace(given_one, grant=tested)]
    if given_one.link is not None:
        agents = (None, "", AGENT, "x" * 2_049)
        clients = [
            ClientInfo(address, agent) for agent in agents for address in ("192.0.2.1", None)
        ]
        known += [structs.replace(given_one, client=client) for client in clients]
    return st.sampled_from(known)


@settings(max_examples=1_500, deadline=None)
@given(st.data(), st.sampled_from(list(ENDPOINTS)))
def test_the_fast_path_reads_the_same_event_as_the_endpoint(data: st.DataObject, name: str) -> None:
    endpoint = ENDPOINTS[name]
    names = st.sampled_from([*NAMES[name], "plan", "Country", "__proto__"])
    changes = data.draw(st.dictionaries(names, VALUES, max_size=5))
    usual = data.draw(st.sampled_from([{}, endpoint.usual]))
    context = data.draw(contexts(endpoint))
    plain, read = both(endpoint, {**endpoint.required, **usual, **changes}, context)

    note(f"{name}, fast: {plain is not None}")
    if plain is not None:
        assert read == (plain, [])


@given(st.lists(VALUES | st.from_regex(r"0*[A-Za-z-]{0,4}[0-9]{1,4}", fullmatch=True), max_size=4))
def test_ids_that_are_read_together_are_those_that_are_read_alone(values: list[str]) -> None:
    def read(reading: Callable[[], list[str | None]]) -> object:
        try:
            return reading()
        except MalformedField:
            return MalformedField

    assert read(lambda: plain_ids("id", values)) == read(
        lambda: [plain_id("id", value) for value in values]
    )
    assert read(lambda: plain_user_ids("id", values)) == read(
        lambda: [plain_user_id("id", value) for value in values]
    )


@given(VALUES.filter(bool) | st.from_regex(r"0*[A-Za-z-]{0,4}[0-9]{1,4}[a-z-]*", fullmatch=True))
def test_an_id_is_read_as_the_readers_of_fields_do(value: str) -> None:
    for plain, field_reader in ((plain_id, fields.identifier), (plain_user_id, fields.user_id)):
        try:
            expected = None if is_unfilled(value) else field_reader("id", value)
        except MalformedField:
            continue
        assert plain("id", value) == expected


@each_endpoint
def test_the_documented_call_is_read_the_fast_way(endpoint: Endpoint) -> None:
    plain, read = both(endpoint, {**endpoint.required, **endpoint.usual})

    assert plain is not None
    assert read == (plain, [])


@each_endpoint
def test_each_name_that_the_endpoint_looks_for_is_in_the_table(endpoint: Endpoint) -> None:
    """A name that the table lacks would be kept as any other, and its meaning lost."""
    for name in NAMES[next(key for key, one in ENDPOINTS.items() if one is endpoint)]:
        value = {"environment": "Sandbox"}.get(name, "7")
        plain, read = both(endpoint, {**endpoint.required, **endpoint.usual, name: value})
        assert plain is None or read == (plain, []), name


def test_the_values_of_an_event_are_those_that_were_sent() -> None:
    endpoint = ENDPOINTS["postback"]
    plain, _ = both(endpoint, {**endpoint.required, **endpoint.usual})

    assert plain is not None
    assert plain.event.user_id == USER.lower()
    assert plain.event.idempotency_key == "order-4711"
    assert plain.event.parameters == {"plan": "premium"}
    assert plain.event.event_time_ms == NOW_MS // 1000 * 1000


def test_the_values_of_an_adjust_event_are_those_that_were_sent() -> None:
    endpoint = ENDPOINTS["event"]
    plain, _ = both(endpoint, {**endpoint.required, **endpoint.usual})

    assert plain is not None
    assert (plain.event.user_id, plain.event.event_id) == (GAID, "purchase")
    assert (plain.event.sale_amount, plain.event.sale_amount_currency) == ("4.99", "EUR")
    assert plain.event.described_device == "Mozilla/5.0 (Linux; Android 14; Pixel 8)"
    assert plain.event.parameters["event_token"] == "tok"
    assert "app_token" not in plain.event.parameters
    assert plain.marker is None


def test_a_unique_event_leaves_its_marker() -> None:
    endpoint = ENDPOINTS["event"]
    plain, read = both(endpoint, {**endpoint.required, "event_token": "once"})

    assert plain is not None
    assert read == (plain, [])
    assert plain.marker is not None
    assert plain.if_seen is not None
    assert plain.if_seen.status == 400


@pytest.mark.parametrize("name", ["event", "ad_revenue"])
def test_an_app_with_stateful_refusals_is_left_to_the_endpoint(name: str) -> None:
    endpoint = ENDPOINTS[name]
    app = structs.replace(APP, adjust_refusals=True)
    context = structs.replace(endpoint.context, app=app)

    assert both(endpoint, endpoint.required, context)[0] is None


@pytest.mark.parametrize(("name", "event_id"), [("postback", "__open"), ("session", None)])
def test_an_open_is_read_the_fast_way_and_leaves_its_marker(
    name: str, event_id: str | None
) -> None:
    endpoint = ENDPOINTS[name]
    changes = {"event_id": event_id} if event_id else {}
    plain, _ = both(endpoint, {**endpoint.required, **changes})

    assert plain is not None
    assert plain.event.kind is Kind.OPEN
    assert plain.marker is not None


def test_a_click_is_redirected_to_the_destination_with_its_macros_filled() -> None:
    endpoint = ENDPOINTS["click"]
    plain, _ = both(endpoint, {**endpoint.required, **endpoint.usual})

    assert plain is not None
    assert plain.if_lost is not None
    click_id, location = plain.event.click_id, plain.reply.headers["Location"]
    assert f"?c=spring&id={GAID}&x={click_id}&ua=Mozilla%2F5.0" in location
    assert plain.if_lost.headers["Location"] == location
    assert set(plain.reply.headers) - set(plain.if_lost.headers) == {"Waybill-Receipt"}


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *(("postback", {name: "7"}) for name in ("click_id", "user_ip", "revenue", "token")),
        ("click", {"no_redirect": "true"}),
        ("click", {"s2s_token": "t"}),
        ("click", {"gaid": "0"}),
        ("event", {"created_at": "2026-01-02T00:00:00Z"}),
        ("event", {"event_token": "unknown"}),
        ("event", {"revenue": "0.0009"}),
        ("event", {"revenue": "-3"}),
        ("event", {"revenue": "-0"}),
        ("ad_revenue", {"revenue": f"{5:033}.00"}),
        ("event", {"adid": device_id("adid")}),
        ("event", {"callback_params": "[]"}),
        ("ad_revenue", {"revenue": "-1"}),
        ("session", {"environment": "PRODUCTION"}),
    ],
    ids=str,
)
def test_what_is_unusual_is_left_to_the_endpoint(name: str, changes: dict[str, Any]) -> None:
    endpoint = ENDPOINTS[name]
    assert both(endpoint, {**endpoint.required, **changes})[0] is None


@each_endpoint
def test_a_call_that_lacks_a_field_is_left_to_the_endpoint(endpoint: Endpoint) -> None:
    for name in endpoint.required.keys() - {"s2s_token", "app_token", "offer_id", "pub_id"}:
        values = {key: value for key, value in endpoint.required.items() if key != name}
        assert both(endpoint, values)[0] is None
