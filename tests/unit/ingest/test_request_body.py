"""Bodies: a form, a JSON document, and a JSON document that was announced as a form."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.request_body import NO_BODY, parsed_body
from shared.errors import ConflictingValues, MalformedField, UnsupportedBody

FORM = "application/x-www-form-urlencoded"
JSON_TYPES = ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"]


def pairs(body: bytes, content_type: str | None) -> dict[str, str]:
    document = parsed_body(body, content_type).document
    return {pair.name.decode(): pair.value.decode() for pair in document}


@pytest.mark.parametrize("content_type", [*JSON_TYPES, FORM, None])
def test_a_json_document_is_read_however_it_is_announced(content_type: str | None) -> None:
    body = b'{"user_id": "j", "sale_amount": 42, "sale_amount_currency": "EUR"}'

    assert pairs(body, content_type) == {
        "user_id": "j",
        "sale_amount": "42",
        "sale_amount_currency": "EUR",
    }


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"a":1}',
        b' {"a": 1}\r\n',
        b'{"a":1}=',
        b"%7B%22a%22%3A1%7D=",
        b"%7b%22a%22:1%7d",
    ],
)
def test_a_form_whose_only_name_is_a_json_document_is_that_document(body: bytes) -> None:
    assert pairs(body, FORM) == {"a": "1"}


def test_numbers_are_written_out_and_what_is_nested_stays_json() -> None:
    body = b'{"a":1e2,"b":12.50,"c":-3,"d":{"k": [1.10]},"e":null,"f":true,"g":[],"h":1e-7}'

    assert pairs(body, JSON_TYPES[0]) == {
        "a": "100",
        "b": "12.50",
        "c": "-3",
        "d": '{"k": [1.10]}',
        "e": "",
        "f": "true",
        "g": "[]",
        "h": "0.0000001",
    }


def test_a_number_too_large_to_write_out_is_left_for_its_field_to_refuse() -> None:
    assert pairs(b'{"a":1e999999999}', JSON_TYPES[0]) == {"a": "1e999999999"}


@pytest.mark.parametrize(
    "body",
    [
        *(b"[]", b"1", b'"text"', b"{", b'{"a":1,}', b'{"a":1}{"b":2}', b'{"a":"\xff"}', b"null"),
        *(b'{"a":NaN}', b"[" * 10_000, b'{"a":' * 10_000),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedField) as caught:
        parsed_body(body, JSON_TYPES[0])

    assert caught.value.field == "body"


@pytest.mark.parametrize("body", [b'{"sale_amount":42,}', b'{"a":1', b'{"a":1}&b=2'])
def test_a_damaged_document_is_no_form_with_a_strange_name(body: bytes) -> None:
    with pytest.raises(MalformedField):
        parsed_body(body, FORM)


def test_a_name_that_comes_twice_is_a_conflict() -> None:
    with pytest.raises(ConflictingValues) as caught:
        parsed_body(b'{"sale_amount":1,"sale_amount":2}', JSON_TYPES[0])

    assert caught.value.field == "sale_amount"


@pytest.mark.parametrize("body", [b"a=1", b"{user_id}=x&b=1", b"{a=1", b"u={id}", b"%7Bid%7D"])
def test_a_form_stays_a_form(body: bytes) -> None:
    assert parsed_body(body, FORM).form == body


@pytest.mark.parametrize("content_type", [*JSON_TYPES, FORM, None, "text/plain"])
def test_an_empty_body_is_none_whatever_its_type(content_type: str | None) -> None:
    assert parsed_body(b"", content_type) == NO_BODY


@pytest.mark.parametrize("content_type", ["text/plain", "multipart/form-data", "application/jsonp"])
def test_other_types_are_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedBody):
        parsed_body(b'{"a":1}', content_type)


names = st.text(min_size=1).filter(lambda text: not text.lower().startswith("amp;"))


@given(st.dictionaries(names, st.text() | st.integers() | st.none() | st.booleans()))
def test_every_value_of_an_object_arrives(values: dict[str, str | int | None]) -> None:
    expected = {
        name: value if isinstance(value, str) else "" if value is None else json.dumps(value)
        for name, value in values.items()
    }

    assert pairs(json.dumps(values).encode(), JSON_TYPES[0]) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9)))
def test_a_number_keeps_every_digit(number: Decimal) -> None:
    (value,) = pairs(b'{"a":%s}' % str(number).lower().encode(), JSON_TYPES[0]).values()

    assert Decimal(value) == number
