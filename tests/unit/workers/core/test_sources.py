"""Whom a click is credited to."""

import pytest

from workers.core.history import Origin, OriginKind
from workers.core.sources import origin_of


def test_a_link_comes_before_any_source() -> None:
    assert origin_of("l1", {"gclid": "Cj0"}) == Origin(OriginKind.LINK, "l1")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"gclid": "Cj0"}, "google"),
        ({"fbclid": "Iw"}, "facebook"),
        ({"ttclid": "E.C"}, "tiktok"),
        ({"ttclid": "E.C", "gclid": "Cj0", "site": "news"}, "google"),
        ({"site": " news ", "campaign": "spring"}, "news"),
        ({"site": "\u200bne\u2060ws\ufeff"}, "news"),
        ({"site": "\u200b", "campaign": "spring"}, "campaign:spring"),
        ({"campaign": "spring", "campaign_id": "12"}, "campaign_id:12"),
        ({"campaign": "50% off"}, "campaign:50% off"),
        ({"term": "shoes"}, "term:shoes"),
        ({"gclid": "undefined", "campaign": "{campaign}", "ad": "blue"}, "ad:blue"),
    ],
)
def test_a_click_without_a_link_belongs_to_the_source_it_names(
    fields: dict[str, str], name: str
) -> None:
    assert origin_of(None, fields) == Origin(OriginKind.SOURCE, name)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"user_ip": "203.0.113.7", "no_redirect": "true"}, id="a server's call"),
        pytest.param({"gclid": "", "campaign": "null", "site": "undefined"}, id="placeholders"),
    ],
)
def test_a_click_that_names_no_source_belongs_to_nobody(fields: dict[str, str]) -> None:
    assert origin_of(None, fields) is None
    assert origin_of("", fields) is None
