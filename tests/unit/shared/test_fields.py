"""Times of imported lines, and what is read in two ways; else fields are tested where calls are."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import fields
from shared.errors import MalformedField
from shared.names.invisible import trimmed
from tests.support.build import NOW_MS

DAY_MS = 86_400_000
OLDEST_MS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000


@given(st.integers(OLDEST_MS, NOW_MS + DAY_MS))
def test_an_imported_time_may_be_of_any_age_since_2000(time_ms: int) -> None:
    moment = datetime.fromtimestamp(time_ms // 1000, UTC).replace(microsecond=time_ms % 1000 * 1000)

    assert fields.imported_time("time", moment.isoformat(), NOW_MS) == time_ms


@pytest.mark.parametrize("time_ms", [OLDEST_MS - 1, NOW_MS + DAY_MS + 1])
def test_an_imported_time_out_of_that_is_refused(time_ms: int) -> None:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)

    with pytest.raises(MalformedField, match=r"2000|in the future"):
        fields.imported_time("time", moment.isoformat(), NOW_MS)


octets = st.integers(0, 300).map(str) | st.sampled_from(["", "01", "+1", " 1", "٣", "0x1"])
addresses = st.lists(octets, min_size=3, max_size=5).map(".".join) | st.ip_addresses().map(str)


# What a list, a port, an encoding, a prefix, quotes or "for=" is written with.
surroundings = frozenset(",%/\"'=;[]")


@given(addresses | st.text(max_size=20) | st.from_regex(r"[0-9a-f:.%/\[\]]{1,30}"))
def test_an_address_is_what_python_calls_one(text: str) -> None:
    try:
        expected = str(ip_address(trimmed(text)))
    except ValueError:
        expected = None
    try:
        read = fields.address("ip_address", text)
    except MalformedField:
        read = None

    if surroundings & set(text) or text.count(":") == 1:
        assert read is None or read == str(ip_address(read))
    else:
        assert read == expected


@given(st.from_regex(r"\A[+-]?0{0,2}[0-9]{0,12}(\.[0-9]{0,8})?\Z"))
def test_an_amount_is_the_decimal_number_that_was_sent(text: str) -> None:
    try:
        read = fields.amount("sale_amount", text)
    except MalformedField:
        assert not any(map(str.isdigit, text)) or abs(Decimal(text)) > fields.AMOUNT_MAX
        return

    sent = Decimal(text)
    if fields.has_more_places(text):
        sent = sent.quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
    assert read == f"{sent:f}"
