"""An app's own URL gets the callback parameters of the event, and stays what it is."""

from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.callbacks.callback_parameters import (
    CHARACTERS_MAX,
    PARAMETERS_MAX,
    URL_CHARACTERS_MAX,
    with_callback_parameters,
)

URL = "https://shop.example/cb?id=7"


def appended(url: str, sent: object) -> str:
    return with_callback_parameters(url, {"callback_params": msgspec.json.encode(sent).decode()})


@pytest.mark.parametrize(
    ("url", "sent", "expected"),
    [
        (URL, {"key": "value", "foo": "bar"}, f"{URL}&key=value&foo=bar"),
        ("https://shop.example/cb", {"key": "ä b"}, "https://shop.example/cb?key=%C3%A4%20b"),
        (URL, {"count": 3, "gift": True, "tags": []}, f"{URL}&count=3&gift=true&tags=%5B%5D"),
        (URL, {"ID": "8", "id": "9"}, URL),
        (URL, {"long": "x" * (CHARACTERS_MAX + 1), "n" * (CHARACTERS_MAX + 1): "x"}, URL),
        (URL, {}, URL),
    ],
)  # fmt: skip
def test_parameters_stand_behind_the_url_under_their_own_names(
    url: str, sent: object, expected: str
) -> None:
    assert appended(url, sent) == expected


@pytest.mark.parametrize("document", ["", "null", "[1]", "{", '"x"', '{"a":' * 3_000])
def test_what_is_no_object_adds_nothing(document: str) -> None:
    assert with_callback_parameters(URL, {"callback_params": document}) == URL


@given(st.dictionaries(st.text(max_size=1_100), st.text(max_size=1_100), max_size=90))
def test_no_parameter_changes_what_the_url_says_or_makes_it_too_long(sent: dict[str, str]) -> None:
    url = appended(URL, sent)

    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == (
        *("https", "shop.example"),
        *("/cb", ""),
    )
    assert pairs[0] == ("id", "7")
    assert [name.lower() for name, _ in pairs].count("id") == 1
    assert len(pairs) <= 1 + PARAMETERS_MAX
    assert len(url) <= URL_CHARACTERS_MAX
    assert url.isascii()
