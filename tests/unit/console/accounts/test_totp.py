"""Codes of the second step: those of RFC 6238, each once, and codes for recovery."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.accounts.totp import (
    DRIFT_STEPS_MAX,
    RECOVERY_CODES,
    STEP_SECONDS,
    matching_step,
    new_recovery_codes,
    qr_code,
    recovery_digest,
    secret_text,
    setup_uri,
    typed_code,
)

SECRET = b"12345678901234567890"  # that of the RFC's test vectors
STEP_MS = STEP_SECONDS * 1000


@pytest.mark.parametrize(
    ("at_seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_the_codes_are_those_of_the_rfc(at_seconds: int, code: str) -> None:
    assert matching_step(SECRET, code, at_seconds * 1000, 0) == at_seconds // STEP_SECONDS


@pytest.mark.parametrize("drift", range(-DRIFT_STEPS_MAX - 1, DRIFT_STEPS_MAX + 2))
def test_a_clock_may_be_half_a_minute_off_and_no_more(drift: int) -> None:
    step = matching_step(SECRET, "287082", 59_000 + drift * STEP_MS, 0)

    assert step == (1 if abs(drift) <= DRIFT_STEPS_MAX else None)


def test_a_code_is_valid_once_and_none_before_it_any_more() -> None:
    now_ms = 59_000
    assert matching_step(SECRET, "287082", now_ms, 0) == 1
    assert matching_step(SECRET, "287082", now_ms, 1) is None
    assert matching_step(SECRET, "755224", now_ms, 1) is None  # of the step before
    assert matching_step(SECRET, "359152", now_ms, 1) == 2  # of the step after


@given(st.text(max_size=40))
def test_no_other_text_is_a_code(text: str) -> None:
    assert matching_step(SECRET, text, 59_000, 0) is None or text in {"287082", "755224", "359152"}


def test_an_authenticator_reads_the_secret_and_whose_it_is() -> None:
    uri = setup_uri(SECRET, "Ada & <Söhne>")

    assert uri.startswith("otpauth://totp/Waybill:Ada%20%26%20%3CS%C3%B6hne%3E?")
    assert "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" in uri
    assert secret_text(SECRET) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"


def test_the_image_is_plain_svg_without_style_or_script() -> None:
    markup = qr_code(setup_uri(SECRET, '"><script>alert(1)</script>'))

    tags = {element.tag for element in ET.fromstring(markup).iter()}
    assert tags == {"svg", "g", "path"}
    assert not re.search(r"style=|on\w+=|href|script", markup)


def test_recovery_codes_are_many_different_and_typed_in_any_way() -> None:
    codes = new_recovery_codes()

    assert len(set(codes)) == RECOVERY_CODES
    assert all(re.fullmatch("([a-z2-7]{4}-){3}[a-z2-7]{4}", code) for code in codes)
    plain = codes[0].replace("-", "")
    for typed in (codes[0], plain, codes[0].upper(), f" {codes[0].replace('-', ' ')} "):
        assert typed_code(typed) == plain
    assert recovery_digest(1, plain) != recovery_digest(2, plain)
