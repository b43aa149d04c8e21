"""`/ad_revenue`: what advertisements that the app showed have earned."""

from ingest.dialects.adjust.event_fields import (
    AdjustFields,
    adid_alone,
    endpoint,
    event_of,
    standing_of,
    take_amount,
)
from ingest.dialects.adjust.responses import accepted, ad_revenue_refused
from ingest.dialects.common_fields import optional
from ingest.dialects.dialect import ParsedRequest, RequestContext
from ingest.parameters import Parameters
from shared import events, fields
from shared.errors import MalformedField, MissingField
from shared.events import Kind
from shared.scopes import Scope


def read_ad_revenue(parameters: Parameters, reception: RequestContext) -> ParsedRequest:
    """Raises RequestError for the first field that is missing or malformed."""
    told = AdjustFields(
        Kind.AD_REVENUE,
        events.AD_REVENUE,
        _revenue(parameters),
        fields.currency("currency", parameters.require("currency")),
        optional(parameters, fields.identifier, "ad_revenue_network"),
        optional(parameters, fields.identifier, "ad_revenue_unit"),
        optional(parameters, fields.identifier, "ad_revenue_placement"),
        fields.count("ad_impressions_count", parameters.require("ad_impressions_count")),
    )
    event = event_of("/ad_revenue", told, parameters, reception)
    return ParsedRequest(
        event,
        accepted(event),
        adid=adid_alone(event, reception),
        standing=standing_of(reception, None),
    )


def _revenue(parameters: Parameters) -> str:
    amount = take_amount(parameters, "revenue", "amount")
    if amount is None:
        raise MissingField("revenue")
    if fields.is_less(amount, "0"):
        raise MalformedField("revenue", "must not be negative.")
    return amount


AD_REVENUE = endpoint(read_ad_revenue, ad_revenue_refused, Scope.AD_REVENUE)
