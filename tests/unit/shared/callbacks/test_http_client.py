"""A URL leads to one host and one line of a request, or nowhere."""

import pytest

from shared.callbacks.http_client import UrlTarget, target_of
from shared.callbacks.http_connection import AddressRefused


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://a.example", ("https", "a.example", 443, "/"), "a.example"),
        ("http://A.Example/x", ("http", "a.example", 80, "/x"), "a.example"),
        ("http://a.example:8080?a=1", ("http", "a.example", 8080, "/?a=1"), "a.example:8080"),
        ("https://a.example:443/x?y=/z?#part", ("https", "a.example", 443, "/x?y=/z?"), None),
        ("https://a.example./x", ("https", "a.example", 443, "/x"), "a.example"),
        ("https://a.example#part", ("https", "a.example", 443, "/"), "a.example"),
    ],
)
def test_a_url_leads_where_it_says(
    url: str, target: tuple[str, str, int, str], authority: str | None
) -> None:
    found = target_of(url)

    assert found == UrlTarget(*target)
    assert authority in {None, found.authority}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.example/x",
        "ftp://a.example/x",
        "file:///etc/passwd",
        "http:///x",
        "http://127.0.0.1/x",
        "http://[::1]/x",
        "http://0x7f000001/x",
        "http://2130706433/x",
        "http://user@a.example/x",
        "http://user:pass@a.example/x",
        "http://a.example:0x50/x",
        "http://a.example:99999/x",
        "http://a.example\\@b.example/x",
        "http://a.example/x y",
        "http://a.example/x\r\nX-Other: 1",
        "http://a.example\r\n/x",
        "http://a.example\t/x",
        "http://ä.example/x",
        "http://a.example/ä",
    ],
)
def test_a_url_that_is_not_plain_leads_nowhere(url: str) -> None:
    with pytest.raises(AddressRefused):
        target_of(url)
