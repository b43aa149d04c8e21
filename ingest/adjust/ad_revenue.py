"""`/ad_revenue`: what advertisements that the app showed have earned."""

from ingest.adjust.answers import accepted, ad_revenue_refused
from ingest.adjust.told import (
    ADDRESS_HEADER,
    NAME,
    PARAMETERS_MAX,
    REQUEST_BYTES_MAX,
    Told,
    adid_alone,
    event_of,
    standing_of,
    take_amount,
)
from ingest.dialect import Dialect, Reading, Reception
from ingest.parameters import Parameters
from ingest.told import TOKEN_NAMES, optional
from shared import events, fields
from shared.errors import MalformedField, MissingField
from shared.events import Kind
from shared.scopes import Scope


def read_ad_revenue(parameters: Parameters, reception: Reception) -> Reading:
    """Raises RequestError for the first field that is missing or malformed."""
    told = Told(
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
    return Reading(
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


AD_REVENUE = Dialect(
    NAME,
    TOKEN_NAMES,
    read_ad_revenue,
    ad_revenue_refused,
    app_scope=Scope.AD_REVENUE,
    address_header=ADDRESS_HEADER,
    request_bytes_max=REQUEST_BYTES_MAX,
    parameters_max=PARAMETERS_MAX,
)
