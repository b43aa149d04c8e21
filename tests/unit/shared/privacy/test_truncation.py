"""Addresses without what leads to one line."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.privacy.truncation import as_stored, truncate_in_text, truncated_address
from tests.support.build import event


@pytest.mark.parametrize(
    ("address", "truncated"),
    [
        ("81.2.69.142", "81.2.69.0"),
        ("81.2.69.0", "81.2.69.0"),
        ("255.255.255.255", "255.255.255.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("2001:DB8:1::", "2001:db8:1::"),
        ("::ffff:81.2.69.142", "81.2.69.0"),
        (" 81.2.69.142 ", "81.2.69.0"),
        ("::1", "::"),
        ("81.2.69", ""),
        ("", ""),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_the_last_byte_or_all_behind_48_bits_goes(address: str, truncated: str) -> None:
    assert truncated_address(address) == truncated


@given(st.ip_addresses().map(str))
def test_what_is_truncated_stays_the_same_and_in_its_network(address: str) -> None:
    truncated = truncated_address(address)

    assert truncated_address(truncated) == truncated
    bits = 24 if "." in truncated else 48
    plain = getattr(ip_address(address), "ipv4_mapped", None) or ip_address(address)
    assert ip_network(f"{plain}/{bits}", strict=False).network_address == ip_address(truncated)


def test_an_event_of_another_app_keeps_its_address() -> None:
    sent = event(app_id=7, ip_address="81.2.69.142")

    assert as_stored(sent, {8}) is sent
    assert as_stored(sent, {7, 8}).ip_address == "81.2.69.0"
    assert as_stored(event(app_id=7), {7}).ip_address is None


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ("81.2.69.142", "81.2.69.0"),
        ("81.2.69.142:8080, 10.1.2.3", "81.2.69.0:8080, 10.1.2.0"),
        ('{"ip":"81.2.69.142"}', '{"ip":"81.2.69.0"}'),
        ("[2001:db8:1:2::3]:443", "[2001:db8:1::]:443"),
        ("2001:db8:1:2::3,81.2.69.142", "2001:db8:1::,81.2.69.0"),
        ("::ffff:81.2.69.142", "81.2.69.0"),
        ("2026-11-30T12:30:45.678", "2026-11-30T12:30:45.678"),
        ("02:11:22:33:44:55", "02:11:22:33:44:55"),
        ("1.2.3.4.5", "1.2.3.4.5"),
        ("register", "register"),
    ],
)
def test_addresses_in_a_text_are_truncated_and_nothing_else(text: str, logged: str) -> None:
    assert truncate_in_text(text) == logged
