"""`/sdk_click`: what led to the app, as a store, a page's address or a link told the device.

A referrer that names a click of Waybill (`adjust_reftag`, which a link's destination passes on by
the macro `{click_id}`) ties its device to that click. One that only names a campaign is that
campaign's click, by a visitor who is known already. Anything else is kept as it was sent.
"""

import msgspec

from ingest.dialects.adjust.event_fields import AdjustFields, build_event
from ingest.dialects.adjust.responses import event_error_reply
from ingest.dialects.adjust_sdk.answers import ASK_IN_MS, tracked_reply
from ingest.dialects.adjust_sdk.package import adjust_sdk_dialect, read_package
from ingest.dialects.dialect import ParsedRequest, Reply, RequestContext
from ingest.dialects.sdk_clock import device_time_ms
from ingest.dialects.sdk_referrer import read_referrer, referred_click
from ingest.parameters import Parameters
from shared.events import SDK_CLICK, Event, Kind

_PATH = "/sdk_click"
# A page reports the click that opened it when its own session has begun already.
_WEB_REFERRER = "web_referrer"
_OPENING_MS = 1_000
_SESSION_SECONDS_MAX = 3_600


def read_sdk_click(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a call. Raises RequestError for a device that is not named."""
    stamp, sent_at = parameters.get("click_time"), parameters.get("sent_at") or None
    clicked_ms = device_time_ms(stamp, sent_at, context.received_at_ms) if stamp else None
    parsed = read_package(_read_fact, _replies, parameters, context)
    event = parsed.event
    told = event.parameters
    referrer = read_referrer(
        told.get("referrer")
        or told.get("raw_referrer")
        or told.get("deeplink", "").partition("?")[2]
    )
    if referrer.click_id is not None:
        event = msgspec.structs.replace(event, click_id=referrer.click_id)
    elif referrer.campaign:
        clicked_ms = event.happened_at_ms if clicked_ms is None else clicked_ms
        event = referred_click(event, referrer.campaign, clicked_ms - _opening_ms(event))
    return msgspec.structs.replace(parsed, event=event)


def _opening_ms(event: Event) -> int:
    """Returns by how much a click came before its report: a page has counted its session since."""
    if event.parameters.get("source") != _WEB_REFERRER:
        return 0
    seconds = event.parameters.get("session_length", "")
    counted = int(seconds[:9]) if seconds.isascii() and seconds.isdigit() else 0
    return min(counted, _SESSION_SECONDS_MAX) * 1_000 + _OPENING_MS


def _read_fact(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    event = build_event(_PATH, AdjustFields(Kind.EVENT, SDK_CLICK), parameters, context)
    return ParsedRequest(event, tracked_reply(event, "Click tracked"))


def _replies(parsed: ParsedRequest) -> tuple[Reply, Reply | None]:
    return tracked_reply(parsed.event, "Click tracked", ASK_IN_MS), None


SDK_CLICK_CALL = adjust_sdk_dialect(read_sdk_click, event_error_reply)
