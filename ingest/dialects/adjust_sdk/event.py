"""The calls of Adjust's SDKs at the endpoints of servers: `/session`, `/event`, `/ad_revenue`."""

from functools import partial

from ingest.dialects.adjust.ad_revenue import read_ad_revenue
from ingest.dialects.adjust.event import read_event
from ingest.dialects.adjust.responses import (
    ad_revenue_error_reply,
    event_error_reply,
    session_error_reply,
)
from ingest.dialects.adjust.session import read_session
from ingest.dialects.adjust_sdk.answers import answer_body, readable_anywhere, tracked_reply
from ingest.dialects.adjust_sdk.package import adjust_sdk_dialect, read_package
from ingest.dialects.dialect import ParsedRequest, Reply
from ingest.dialects.sdk_replies import json_reply

_DUPLICATE = "Event request failed (Ignoring event, earlier unique event tracked)"


def _session_replies(parsed: ParsedRequest) -> tuple[Reply, Reply | None]:
    later = parsed.if_seen
    return readable_anywhere(parsed.reply), later and readable_anywhere(later)


def _event_replies(parsed: ParsedRequest) -> tuple[Reply, Reply | None]:
    duplicate = {**answer_body(parsed.event, _DUPLICATE), "error": _DUPLICATE}
    return (
        tracked_reply(parsed.event, "Event tracked"),
        json_reply(duplicate, parsed.event, 400) if parsed.marker else None,
    )


def _ad_revenue_replies(parsed: ParsedRequest) -> tuple[Reply, Reply | None]:
    return tracked_reply(parsed.event, "Ad revenue tracked"), None


SDK_SESSION = adjust_sdk_dialect(
    partial(read_package, read_session, _session_replies), session_error_reply
)
SDK_EVENT = adjust_sdk_dialect(
    partial(read_package, partial(read_event, "/event"), _event_replies), event_error_reply
)
SDK_AD_REVENUE = adjust_sdk_dialect(
    partial(read_package, read_ad_revenue, _ad_revenue_replies), ad_revenue_error_reply
)
