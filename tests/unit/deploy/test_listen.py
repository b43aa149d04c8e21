"""Tests how the address of ingest is parsed."""

import pytest

from deploy.listen import BadAddress, Listen


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("localhost:80", "http://localhost:80"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("[::]:65535", "http://[::1]:65535"),
    ],
)
def test_an_address_is_read_written_back_and_reached_from_here(text: str, url: str) -> None:
    assert str(Listen.parse(text)) == text
    assert Listen.parse(text).url == url


@pytest.mark.parametrize(
    "text", ["", "8080", ":8080", "host", "host:", "host:0", "host:65536", "host:8o", "host:٨٠"]
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadAddress, match=r"is not an address. Use HOST:PORT"):
        Listen.parse(text)
