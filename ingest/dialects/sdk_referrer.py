"""Reads referrers: what a store, a landing page or a deep link told an SDK about the click before.

A referrer is a query string. It may name a click of Waybill, as links pass it on, or the campaign
that sent the user. The Play Store's own `utm_medium=organic` says that there was none.
"""

from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec

from shared import fields
from shared.errors import MalformedField
from shared.events import Event, Kind
from shared.ids import click_id_of, derived_receipt
from shared.names.reserved_names import is_reserved
from shared.placeholders import is_no_id, is_placeholder

_CHARACTERS_MAX = 4_096
_PAIRS_MAX = 64
_CLICK_ID_NAMES = ("adjust_reftag", "reftag", "clkid", "swaarm_clickid", "click_id")
# Google's tags, and those of Apple Ads in Swaarm's SDK, under the names of `/click`'s parameters.
_CAMPAIGN_NAMES = {
    "utm_source": "site",
    "utm_campaign": "campaign",
    "utm_adset": "adset",
    "utm_adgroup": "adset",
    "utm_ad": "ad",
    "utm_adid": "ad_id",
    "utm_term": "term",
    "utm_keyword": "term",
    "gclid": "gclid",
    "fbclid": "fbclid",
    "ttclid": "ttclid",
}
_ORGANIC = "organic"


class Referrer(NamedTuple):
    """The click that a referrer names, and its campaign by the names of `/click`'s parameters."""

    click_id: str | None
    campaign: dict[str, str]


def read_referrer(text: str) -> Referrer:
    """Reads a referrer; what cannot be read in it says nothing."""
    try:
        pairs = parse_qsl(text[:_CHARACTERS_MAX], max_num_fields=_PAIRS_MAX)
    except ValueError:
        return Referrer(None, {})
    sent = {name: value for name, value in pairs if value and not is_placeholder(value)}
    click_id = None
    for name in _CLICK_ID_NAMES:
        value = sent.get(name, "")
        if click_id is None and value and not is_no_id(value):
            try:
                click_id = fields.user_id(name, value)
            except MalformedField:
                continue
    if sent.get("utm_medium") == _ORGANIC:
        return Referrer(click_id, {})
    campaign = {
        known: sent[name][: fields.ID_CHARACTERS_MAX]
        for name, known in _CAMPAIGN_NAMES.items()
        if name in sent and "\0" not in sent[name]
    }
    return Referrer(click_id, {} if is_reserved(campaign.get("site", "")) else campaign)


def referred_click(event: Event, campaign: dict[str, str], clicked_ms: int) -> Event:
    """Returns the click of a campaign, by the device whose event reports it.

    The same report is the same click, however often it is sent.
    """
    content = msgspec.json.encode([event.user_id, event.idempotency_key, campaign])
    receipt = derived_receipt(max(clicked_ms, 0), content)
    return msgspec.structs.replace(
        event,
        receipt=receipt,
        kind=Kind.CLICK,
        user_id="",
        event_id="",
        idempotency_key=None,
        event_time_ms=clicked_ms,
        click_id=click_id_of(receipt),
        parameters={**event.parameters, **campaign},
    )
