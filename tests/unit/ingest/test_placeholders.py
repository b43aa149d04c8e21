"""The law of placeholders: in no field, dialect or spelling do they make anybody or anything."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.dialects.adjust.ad_revenue import AD_REVENUE
from ingest.dialects.adjust.event import EVENT
from ingest.dialects.adjust.session import SESSION
from ingest.dialects.dialect import Dialect
from ingest.dialects.swaarm.click import CLICK, IMPRESSION
from ingest.dialects.swaarm.postback import POSTBACK
from ingest.dialects.swaarm.s2sevent import S2SEVENT
from ingest.parameters import RawParameters
from shared.device_ids import PRIMARY_ORDER, identifying, usable
from shared.errors import MalformedField, UnknownDevice
from shared.events import Event
from shared.integration_log import UnreadReason
from shared.snapshot import KnownApp, KnownEventType
from tests.support.build import link, request_context
from tests.support.placeholders import AROUND, placeholders
from workers.core.sources import origin_of

IDFV = "ccb300a0-de1b-4d48-bc7e-599e453b8dd4"
APP = KnownApp(1, event_types={"tok": KnownEventType(1, "purchase")})
GOOD = {
    POSTBACK: "user_id=u&event_id=purchase",
    S2SEVENT: "user_id=u&event_id=purchase&user_ip=203.0.113.7&user_ua=UA",
    EVENT: f"app_token=app&event_token=tok&idfv={IDFV}",
    SESSION: f"app_token=app&idfv={IDFV}",
    AD_REVENUE: f"app_token=app&idfv={IDFV}&revenue=1&currency=EUR&ad_impressions_count=1",
    CLICK: "offer_id=12&pub_id=34",
    IMPRESSION: "offer_id=12&pub_id=34",
}
FIELDS = ("click_id", "idempotency_key", "ip_address", "user_ip", "user_agent", "user_ua")
SOURCES = ("site", "campaign", "gclid", "fbclid", "ttclid", "ad_id", "term")


def escaped(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def read(dialect: Dialect, query: str, key: str | None = None) -> tuple[Event, set[UnreadReason]]:
    sent = RawParameters(query.encode()).parameters(without=())
    linked = link() if dialect in (CLICK, IMPRESSION) else None
    grant_of_a_link = {"link": linked} if linked else {"app": APP}
    context = request_context(idempotency_key=key, **grant_of_a_link)
    event = dialect.read(sent, context).event
    return event, {unread.reason for unread in sent.unread}


def known_by(event: Event) -> Iterator[object]:
    """Everything by which this event is tied to a user, a device, a key or a credit."""
    yield event.user_id
    yield event.click_id if event.endpoint not in {"/click", "/impression"} else None
    yield event.idempotency_key
    yield event.ip_address
    yield event.user_agent
    yield identifying(usable(event.device_ids))
    yield origin_of(None, event.parameters)


@settings(max_examples=400, deadline=None)
@given(
    dialect=st.sampled_from(list(GOOD)),
    name=st.sampled_from([*FIELDS, *SOURCES, *PRIMARY_ORDER[1:]]),
    text=placeholders(),
)
def test_no_placeholder_makes_a_device_a_key_or_a_credit(
    dialect: Dialect, name: str, text: str
) -> None:
    kept_names = set(RawParameters(GOOD[dialect].encode()).parameters(without=()).rest())
    if name in kept_names:
        return
    good, _ = read(dialect, GOOD[dialect])
    event, _ = read(dialect, f"{GOOD[dialect]}&{name}={escaped(text)}")

    assert list(known_by(event)) == list(known_by(good))
    assert (event.parameters | event.device_ids)[name].strip(AROUND) == text.strip(
        AROUND
    )  # and kept


@settings(max_examples=200, deadline=None)
@given(dialect=st.sampled_from([POSTBACK, EVENT]), text=placeholders())
def test_no_placeholder_in_the_header_is_a_key(dialect: Dialect, text: str) -> None:
    event, reasons = read(dialect, GOOD[dialect], text)

    assert event.idempotency_key is None
    assert event.parameters["Idempotency-Key"] == text
    assert reasons == {UnreadReason.MACRO}


@settings(max_examples=200, deadline=None)
@given(text=placeholders() | st.sampled_from(["0", "-1", "00000000-0000-0000-0000-000000000000"]))
def test_no_placeholder_is_a_user(text: str) -> None:
    value = escaped(text)
    for query in (f"user_id={value}&event_id=e", f"click_id={value}", f"user_id={value}"):
        with pytest.raises(MalformedField) as caught:
            read(POSTBACK, query)
        assert caught.value.field == query.partition("=")[0]
    with pytest.raises(MalformedField):
        read(S2SEVENT, f"user_id={value}&user_ip=203.0.113.7&user_ua=UA")
    for kind in PRIMARY_ORDER:
        with pytest.raises(UnknownDevice):
            read(EVENT, f"app_token=app&event_token=tok&{kind}={value}")


@pytest.mark.parametrize("name", ["user_id", "click_id"])
def test_a_macro_that_begins_with_hex_digits_is_one_too(name: str) -> None:
    with pytest.raises(MalformedField) as caught:
        read(POSTBACK, f"{name}=%%aff_id%%&event_id=e")
    assert caught.value.field == name

    event, reasons = read(
        POSTBACK, f"{GOOD[POSTBACK]}&gaid=%%adid%%&sub=%%aff_id%%&gps_adid=%adid%"
    )
    assert usable(event.device_ids) == ()
    assert event.parameters["sub"] == "%%aff_id%%"
    assert reasons == {UnreadReason.MACRO}


def test_a_placeholder_of_one_name_leaves_the_field_to_another() -> None:
    event, _ = read(POSTBACK, "user_id={id}&click_id=c-1&event_id=e")
    assert event.user_id == "c-1"

    event, _ = read(POSTBACK, f"{GOOD[POSTBACK]}&ip_address=unknown&user_ip=203.0.113.7")
    assert event.ip_address == "203.0.113.7"


@given(st.uuids())
def test_a_guid_in_braces_is_a_value(value: object) -> None:
    event, _ = read(POSTBACK, f"user_id={quote(f'{{{value}}}')}&event_id=e")

    assert event.user_id == f"{{{value}}}"
