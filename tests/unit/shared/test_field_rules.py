"""Fields: the rule of each, and that what it accepts can be stored."""

import re
from collections.abc import Callable
from decimal import Decimal
from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.rates import currencies
from shared import fields
from shared.errors import MalformedField
from shared.migrate import migrations
from tests.support.build import NOW_MS

DAY_MS = 86_400_000
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def column(name: str) -> tuple[int, int]:
    """Precision and scale of a numeric column of events."""
    schema = "\n".join(each.sql for each in migrations())
    match = re.search(rf"\b{name}\s+numeric\((\d+), (\d+)\)", schema)
    assert match is not None
    return int(match[1]), int(match[2])


@pytest.mark.parametrize(
    "value", ["0000-AAAA-BBBB-CCCC", "é" * 256, "a b", "<script>", "'; --", "0"]
)
def test_an_id_is_kept_as_it_was_sent(value: str) -> None:
    assert fields.identifier("user_id", value) == value


@pytest.mark.parametrize("value", [" purchase", "purchase ", "\tpurchase\r\n", "\u00a0purchase"])
def test_white_space_around_an_id_is_no_part_of_it(value: str) -> None:
    assert fields.identifier("event_id", value) == "purchase"
    assert fields.user_id("user_id", value) == "purchase"


@pytest.mark.parametrize("character", ["\u200b", "\ufeff", "\u00ad", "\u2066", "\u2800", "\x85"])
def test_an_invisible_character_around_an_id_is_no_part_of_it(character: str) -> None:
    for value in (f"{character}u-1", f"u-1{character}", f" {character} u-1{character * 2}\n"):
        assert fields.identifier("user_id", value) == "u-1"
    assert fields.user_id("user_id", f"{character}CCB300A0-DE1B-4D48-BC7E-599E453B8DD4") == (
        "ccb300a0-de1b-4d48-bc7e-599e453b8dd4"
    )
    assert fields.identifier("user_id", f"u{character}1") == f"u{character}1"


def test_an_invisible_character_around_any_value_is_no_part_of_it() -> None:
    assert fields.amount("sale_amount", "\ufeff12.50") == "12.50"
    assert fields.exact_amount("revenue", "1e2\u200b") == "100"
    assert fields.currency("currency", "eur\u200b") == "EUR"
    assert fields.count("count", "\u200e7") == 7
    assert fields.address("ip", "\u202a203.0.113.7\u202c") == "203.0.113.7"
    assert fields.time_ms("time", f"\ufeff{NOW_MS}") == NOW_MS


@pytest.mark.parametrize("value", ["\u200b", "\ufeff \u200b", "\u3164", "\u2028"])
def test_an_id_of_invisible_characters_alone_is_blank(value: str) -> None:
    with pytest.raises(MalformedField, match="must not be blank"):
        fields.identifier("event_id", value)


@pytest.mark.parametrize("value", [" ", "\t", "\u3000", "x" * 257, "a\nb", "a\x1b[31m", "a\x7f"])
def test_an_id_that_is_blank_or_long_or_has_control_characters_is_refused(value: str) -> None:
    with pytest.raises(MalformedField) as caught:
        fields.identifier("user_id", value)

    assert caught.value.field == "user_id"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("42", "42"),
        ("42.00", "42.00"),
        ("12.50", "12.50"),
        (" 5", "5"),
        ("5\n", "5"),
        ("+5", "5"),
        ("-5", "-5"),
        ("-0", "-0"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("007", "7"),
        ("0", "0"),
        ("0.123456", "0.123456"),
        # More than six places: rounded half-even.
        ("0.1234565", "0.123456"),
        ("0.1234575", "0.123458"),
        ("0.12345651", "0.123457"),
        ("0.0000005", "0.000000"),
        ("-0.0000015", "-0.000002"),
        ("1.0000000", "1.000000"),
        # The ends of the range belong to it.
        ("99999999999.999999", "99999999999.999999"),
        ("100000000000", "100000000000"),
        ("-100000000000", "-100000000000"),
        ("100000000000.000000", "100000000000.000000"),
    ],
)
def test_an_amount_is_kept_to_six_places(sent: str, stored: str) -> None:
    assert fields.amount("sale_amount", sent) == stored


@pytest.mark.parametrize(
    "value",
    [
        "NaN", "sNaN", "nan", "Infinity", "-inf", "1e400", "1E5", "12,50", "1,000.00", "1 000",
        "1_000", "0x10", "", " ", ".", "-", "+-5", "--5", "5-", "1.2.3", "42 USD", "$42",
        "\u0664\u0662", "\uff14", "free", "9" * 5000, "0" * 41, "100000000001", "-100000000001",
        "100000000000.000001", "100000000000.0000001", "-100000000000.0000001",
        "100000000000." + "0" * 25 + "1",
    ],
)  # fmt: skip
def test_an_amount_that_is_no_decimal_within_the_range_is_refused(value: str) -> None:
    with pytest.raises(MalformedField) as caught:
        fields.amount("sale_amount", value)

    assert caught.value.field == "sale_amount"


def test_the_refusal_of_an_amount_shows_a_right_one() -> None:
    with pytest.raises(MalformedField, match=re.escape("like 12.50")):
        fields.amount("sale_amount", "12,50")


@given(
    texts
    | st.from_regex(r"\A[+-]?[0-9]{0,13}\.?[0-9]{0,30}\Z")
    | st.decimals(-(10**11) - 1, 10**11 + 1, allow_nan=False).map(lambda number: f"{number:f}")
)
@example("100000000000")
@example("-100000000000")
@example("99999999999.9999999")
def test_an_accepted_amount_fits_its_columns(value: str) -> None:
    try:
        stored = Decimal(fields.amount("sale_amount", value))
    except MalformedField:
        return

    for name in ("sale_amount", "aggregated_event_value"):
        precision, scale = column(name)
        exponent = stored.as_tuple().exponent
        assert isinstance(exponent, int)
        assert -exponent <= scale
        assert abs(stored) < Decimal(10) ** (precision - scale)


@given(st.decimals(-(10**11), 10**11, places=9))
def test_rounding_an_amount_moves_it_by_half_a_millionth_at_most(sent: Decimal) -> None:
    stored = Decimal(fields.amount("sale_amount", f"{sent:f}"))

    assert abs(stored - sent) <= Decimal("0.0000005")


@pytest.mark.parametrize(
    ("value", "more"),
    [("1", False), ("1.", False), ("1.123456", False), (" 1.123456 ", False), ("1.1234560", True)],
)
def test_a_seventh_place_is_more_than_is_stored(value: str, more: bool) -> None:
    assert fields.has_more_places(value) is more


@pytest.mark.parametrize(("sent", "stored"), [("USD", "USD"), ("eur", "EUR"), (" Jpy ", "JPY")])
def test_a_currency_is_a_code_of_iso_4217(sent: str, stored: str) -> None:
    assert fields.currency("sale_amount_currency", sent) == stored


@pytest.mark.parametrize(
    "value", ["", "US", "USDT", "dollar", "$", "840", "ZZZ", "BTC", "\uff35SD", "XXX", "XTS"]
)
def test_a_currency_that_does_not_exist_is_refused(value: str) -> None:
    with pytest.raises(MalformedField, match="ISO 4217"):
        fields.currency("sale_amount_currency", value)


def test_every_currency_that_reports_have_rates_of_is_accepted() -> None:
    assert {fields.currency("currency", code) for code in currencies()} == currencies()
    for code in ("HRK", "BGN", "EEK", "LTL", "XAU", "XDR"):
        assert fields.currency("currency", code.lower()) == code


@pytest.mark.parametrize(
    ("sent", "agent"),
    [
        ("Mozilla%2F5.0%20(X%3B%20Y)", "Mozilla/5.0 (X; Y)"),
        ("Mozilla%252F5.0%2520(X)", "Mozilla/5.0 (X)"),
        ("Mozilla%252F5.0", "Mozilla/5.0"),
        ("Mozilla%2F5.0+%28X%29", "Mozilla/5.0 (X)"),
        ("Mozilla/5.0+(Linux;+Android+14)", "Mozilla/5.0 (Linux; Android 14)"),
        ("Mozilla/5.0 (X; 100%25)", "Mozilla/5.0 (X; 100%25)"),
        ("okhttp/4.9+patch", "okhttp/4.9+patch"),
        ("bot%FF", "bot%FF"),
        ("bot%0A", "bot%0A"),
    ],
)
def test_a_user_agent_is_decoded_as_often_as_it_was_encoded(sent: str, agent: str) -> None:
    assert fields.user_agent("user_agent", sent) == agent


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("203.0.113.56, 10.0.0.1", "203.0.113.56"),
        ("10.0.0.1, 203.0.113.56", "203.0.113.56"),
        ("unknown, 203.0.113.56,198.51.100.1", "203.0.113.56"),
        ("10.0.0.1, 192.168.0.1", "10.0.0.1"),
        ("203.0.113.7:443", "203.0.113.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::", "::"),
        ("0.0.0.0", "0.0.0.0"),
        ("203.0.113.7%3A443", "203.0.113.7"),
        ("2001%253Adb8%253A%253A1", "2001:db8::1"),
        ("203%2E0%2E113%2E7%2C%2010.0.0.1", "203.0.113.7"),
        ("203.0.113.7/32", "203.0.113.7"),
        ("2001:db8::1/128", "2001:db8::1"),
        ("for=203.0.113.7;proto=https, for=10.0.0.1", "203.0.113.7"),
        ('proto=https;For="[2001:db8::1]:443"', "2001:db8::1"),
    ],
)
def test_an_address_is_kept_in_its_shortest_form(sent: str, stored: str) -> None:
    assert fields.address("ip_address", sent) == stored


def test_an_ipv4_address_within_an_ipv6_one_stays_that_address() -> None:
    stored = ip_address(fields.address("ip_address", "::ffff:203.0.113.7"))

    assert stored == ip_address("::ffff:203.0.113.7")


@pytest.mark.parametrize(
    "value",
    [
        "undefined", "null", "", "unknown", "010.1.1.1", "1.1.1", "1.1.1.1.1", "256.1.1.1",
        "1.2.3.4:80:90", "1.2.3.4 5.6.7.8", "unknown, -", "10.0.0.0/8", "3405803783",
        "0x7f.1", "localhost", "203.0.113.7/24", "203.0.113.7/320", "203.0.113.7/128",
        "/3210.0.0.1", "2001:db8::/32", "for=unknown", "for=_hidden, by=203.0.113.7",
        "203.0.113.7%ZZ", "\uff11.1.1.1", "2001:db8::g",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_and_may_be_left_out(value: str) -> None:
    with pytest.raises(MalformedField, match="Leave it out if it is unknown"):
        fields.address("ip_address", value)


@given(texts | st.ip_addresses().map(str))
@example("fe80::1%eth0")
@example("[fe80::1%25eth0]")
@example("::1%\x1b[31m")
def test_an_accepted_address_is_one_that_postgresql_knows(value: str) -> None:
    try:
        stored = fields.address("ip_address", value)
    except MalformedField:
        return

    assert "%" not in stored  # inet has no zones
    assert str(ip_address(stored)) == stored


def test_a_user_agent_is_kept_up_to_its_limit() -> None:
    assert fields.user_agent("user_agent", "é" * 2048) == "é" * 2048
    with pytest.raises(MalformedField):
        fields.user_agent("user_agent", "x" * 2049)


def test_an_event_value_is_measured_in_bytes() -> None:
    assert fields.event_value("event_value", "é" * 8192) == "é" * 8192
    with pytest.raises(MalformedField):
        fields.event_value("event_value", "é" * 8192 + "x")


@pytest.mark.parametrize(
    ("sent", "time_ms"),
    [
        # Unix seconds and milliseconds, with or without a fraction.
        ("1767323045", 1_767_323_045_000),
        ("1767323045.678", 1_767_323_045_678),
        ("1767323045.678999999", 1_767_323_045_678),
        ("1767323045678", 1_767_323_045_678),
        ("1767323045678.9", 1_767_323_045_678),
        (" 1767323045 ", 1_767_323_045_000),
        # Microseconds and nanoseconds, as Python, Go and databases count.
        ("1767323045678999", 1_767_323_045_678),
        ("1767323045678999.5", 1_767_323_045_678),
        ("1767323045678999999", 1_767_323_045_678),
        # ISO 8601 with Z, with an offset, with none (which means UTC).
        ("2026-01-02T03:04:05Z", 1_767_323_045_000),
        ("2026-01-02T03:04:05.678Z", 1_767_323_045_678),
        ("2026-01-02T03:04:05.678999Z", 1_767_323_045_678),
        ("2026-01-02T03:04:05", 1_767_323_045_000),
        ("2026-01-02 03:04:05", 1_767_323_045_000),
        ("2026-01-02T05:04:05+02:00", 1_767_323_045_000),
        ("2026-01-02T05:04:05+0200", 1_767_323_045_000),
        ("2026-01-01T22:04:05-05:00", 1_767_323_045_000),
        ("20260102T030405Z", 1_767_323_045_000),
        ("2026-01-02T03:04", 1_767_323_040_000),
        ("2026-01-02 03:04", 1_767_323_040_000),
        # An unescaped plus arrives as a space.
        ("2026-01-02T05:04:05 02:00", 1_767_323_045_000),
        ("2026-01-02T05:04:05.678 0200", 1_767_323_045_678),
    ],
)
def test_an_event_time_is_read_as_it_is_written(sent: str, time_ms: int) -> None:
    assert fields.event_time("event_time", sent, NOW_MS) == time_ms


@pytest.mark.parametrize(
    "value",
    [
        "", "now", "yesterday", "-1", "1e9", "1767323045s", "1767323045,5", "0x69573", "NaN",
        "2026-01-02", "20260102", "2026-01", "03:04:05", "T03:04:05", "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "2026-01-02T25:00:00Z", "99999-01-01T00:00:00Z",
        "2026-01-02T03:04:05 UTC", "2026-01-02T03:04:05+25:00", "02.01.2026 03:04:05",
        "Fri, 02 Jan 2026 03:04:05 GMT", "\uff11767323045", "1" * 5000, "1" * 20,
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_read_is_refused_by_name(value: str) -> None:
    with pytest.raises(MalformedField) as caught:
        fields.event_time("event_time", value, NOW_MS)

    assert caught.value.field == "event_time"


@pytest.mark.parametrize("value", ["176732304567800", "17673230456780000", "9" * 19])
def test_a_number_of_a_unit_that_leads_to_another_age_is_refused_for_its_age(value: str) -> None:
    with pytest.raises(MalformedField, match=r"is older|in the future"):
        fields.event_time("event_time", value, NOW_MS)


def test_an_event_may_be_58_days_old_to_the_millisecond() -> None:
    oldest = NOW_MS - 58 * DAY_MS

    assert fields.event_time("event_time", str(oldest), NOW_MS) == oldest
    with pytest.raises(MalformedField, match="older than 58 days"):
        fields.event_time("event_time", str(oldest - 1), NOW_MS)


def test_an_event_may_be_a_day_ahead_to_the_millisecond() -> None:
    latest = NOW_MS + DAY_MS

    assert fields.event_time("event_time", str(latest), NOW_MS) == latest
    with pytest.raises(MalformedField, match="more than 1 day in the future"):
        fields.event_time("event_time", str(latest + 1), NOW_MS)


@pytest.mark.parametrize("value", ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "0"])
def test_the_ends_of_the_calendar_are_refused_like_any_other_day(value: str) -> None:
    with pytest.raises(MalformedField, match=r"is older|in the future"):
        fields.event_time("event_time", value, NOW_MS)


@given(texts | st.datetimes().map(str) | st.from_regex(r"\A[0-9]{1,14}(\.[0-9]{1,9})?\Z"))
def test_an_accepted_time_lies_within_the_range(value: str) -> None:
    try:
        time_ms = fields.event_time("event_time", value, NOW_MS)
    except MalformedField:
        return

    assert NOW_MS - 58 * DAY_MS <= time_ms <= NOW_MS + DAY_MS


@given(st.integers(min_value=NOW_MS - 58 * DAY_MS, max_value=NOW_MS + DAY_MS))
def test_milliseconds_within_the_range_are_kept_exactly(time_ms: int) -> None:
    assert fields.event_time("event_time", str(time_ms), NOW_MS) == time_ms


READERS = [fields.identifier, fields.currency, fields.user_agent, fields.event_value]


@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
@given(value=texts)
def test_what_a_field_accepts_is_text_that_can_be_stored(
    read: Callable[[str, str], str], value: str
) -> None:
    try:
        stored = read("field", value)
    except MalformedField:
        return

    assert "\0" not in stored
    stored.encode()
