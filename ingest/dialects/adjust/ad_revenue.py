"""`/ad_revenue`: the revenue from advertisements that the app showed."""

from ingest.dialects.adjust.event_fields import (
    AMOUNT,
    CURRENCY,
    AdjustFields,
    adjust_dialect,
    build_event,
    history_check,
    sole_adid,
    take_amount,
)
from ingest.dialects.adjust.plain_event import read_plain_ad_revenue
from ingest.dialects.adjust.responses import ad_revenue_error_reply, ok_reply
from ingest.dialects.common_fields import take_optional
from ingest.dialects.dialect import ParsedRequest, RequestContext
from ingest.parameters import Parameters
from shared import events, fields
from shared.errors import MalformedField, MissingField
from shared.events import Kind
from shared.scopes import Scope


def read_ad_revenue(parameters: Parameters, context: RequestContext) -> ParsedRequest:
    """Reads a call. Raises RequestError for the first field that is missing or malformed."""
    amount = take_amount(parameters, *AMOUNT)
    if amount is None:
        raise MissingField("revenue")
    if fields.is_less(amount, "0"):
        raise MalformedField("revenue", "must not be negative.")
    own_fields = AdjustFields(
        kind=Kind.AD_REVENUE,
        event_id=events.AD_REVENUE,
        amount=amount,
        currency=fields.currency("currency", parameters.require(*CURRENCY)),
        network=take_optional(parameters, fields.identifier, "ad_revenue_network"),
        unit=take_optional(parameters, fields.identifier, "ad_revenue_unit"),
        placement=take_optional(parameters, fields.identifier, "ad_revenue_placement"),
        impressions=fields.count(
            "ad_impressions_count", parameters.require("ad_impressions_count")
        ),
    )
    event = build_event("/ad_revenue", own_fields, parameters, context)
    return ParsedRequest(
        event,
        ok_reply(event),
        adid=sole_adid(event, context),
        history_check=history_check(context, None),
    )


AD_REVENUE = adjust_dialect(
    read_ad_revenue, ad_revenue_error_reply, Scope.AD_REVENUE, read_plain_ad_revenue
)
