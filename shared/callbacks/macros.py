"""Declares every macro of a callback once: its names, meaning, example and source.

Adjust writes {name}, Swaarm #{path}. Both read this one table, from which docs/callbacks.md is
generated.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from operator import methodcaller

from shared.callbacks.conversion_facts import ConversionFacts
from shared.callbacks.macro import Macro, Read, own
from shared.callbacks.parameter_macros import PASSED_ON
from shared.callbacks.time_macros import TIME_MACROS
from shared.device_ids import adid_of

_MATCH_TYPES = {
    "click_id": "device_tag",
    "device_id": "device_tag",
    "address_and_device": "fingerprint",
    "view_device_id": "device_tag",
    "view_address_and_device": "fingerprint",
}
# Adjust's names, if they are others.
_ACTIVITY_KINDS = {"attribution_updated": "install_update", "erased": "gdpr_forget_device"}


def _flag(value: object) -> str:
    return "1" if value else "0"


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _user_id(facts: ConversionFacts) -> str | None:
    erased = (value for kind, value in facts.erased_ids or () if kind == "user")
    return facts.user_id or next(erased, None)


def _adid(facts: ConversionFacts) -> str | None:
    user_id = _user_id(facts)
    return None if user_id is None else adid_of(facts.app_id, user_id)


def _erased_ids(facts: ConversionFacts) -> str | None:
    return ",".join(f"{kind}:{value}" for kind, value in facts.erased_ids or ()) or None


def _network(facts: ConversionFacts) -> str | None:
    return facts.partner_name or (facts.origin if facts.origin_kind == "source" else None)


def _outdated_network(facts: ConversionFacts) -> str | None:
    source = facts.outdated_origin if facts.outdated_origin_kind == "source" else None
    return facts.outdated_partner_name or source


def _campaign(facts: ConversionFacts) -> str | None:
    return facts.link_name or facts.click_parameters.get("campaign")


def _tracker_name(facts: ConversionFacts) -> str | None:
    network = _network(facts)
    if network is None:
        return "Organic"
    parameters = facts.click_parameters
    names = (network, _campaign(facts), parameters.get("adset"), parameters.get("creative"))
    return "::".join(name for name in names if name)


def _outdated_tracker_name(facts: ConversionFacts) -> str | None:
    network = _outdated_network(facts)
    if facts.activity != "attribution_updated":
        return None
    return "::".join(name for name in (network, facts.outdated_link_name) if name) or "Organic"


def _dollars(facts: ConversionFacts) -> str | None:
    return facts.payout if facts.payout_currency == "USD" else None


def _in_currency(facts: ConversionFacts, currency: str | None) -> str | None:
    return facts.sale_amount if facts.sale_amount_currency == currency else None


def _rounded(amount: str | None, unit: str, factor: int = 1) -> str | None:
    """Rounds half up, as prices are."""
    if amount is None:
        return None
    return str((Decimal(amount) * factor).quantize(Decimal(unit), ROUND_HALF_UP))


def _device(*kinds: str) -> Read:
    return methodcaller("device_id", *kinds)


def _clicked(name: str) -> Read:
    return lambda facts: facts.click_parameters.get(name)


_WHAT = (
    own("activity_kind", "", "What happened: install, reattribution, event, session, ad_revenue, "
         "click, impression, rejected_install, rejected_reattribution, install_update for an "
         "updated attribution, or gdpr_forget_device for an erased person.",
         "the callback", lambda facts: _ACTIVITY_KINDS.get(facts.activity, facts.activity)),
    own("nonce", "id", "The callback's own id, the same at every attempt: whoever has seen it may "
         "ignore it.", "the callback", lambda facts: str(facts.id)),
    own("receipt", "", "The receipt of what caused it, or the id of the erasure.",
         "the callback", lambda facts: str(facts.receipt)),
    own("environment", "", "production or sandbox.", "the callback",
         lambda facts: facts.environment),
    own("event", "eventType.id", "The event token of the event type.", "the event type",
         lambda facts: facts.event_token),
    own("event_name", "eventType.name", "The name of the event type.", "the event type",
         lambda facts: facts.event_type),
    own("event_id", "offer.eventTypeId", "The event's mapping ID, as the backend sent it.",
         "the event", lambda facts: facts.event_id),
    own("app_token", "", "The app's token.", "the app", lambda facts: facts.app_token),
    own("app_name", "offer.name", "The app's name.", "the app", lambda facts: facts.app_name),
    own("app_name_dashboard", "", "The app's name.", "the app", lambda facts: facts.app_name),
    own("status", "status.state", "rejected of a rejected install or reattribution, else approved.",
         "the callback",
         lambda facts: "rejected" if facts.activity.startswith("rejected") else "approved"),
    own("s2s", "", "1: everything comes from servers.", "the callback", lambda _: "1"),
    own("is_s2s", "", "1: everything comes from servers.", "the callback", lambda _: "1"),
)  # fmt: skip
_WHO = (
    own("user_id", "", "The user's primary id.", "the user", _user_id),
    own("adid", "", "The user's adid, derived from the user id.", "the user", _adid),
    own("random_user_id", "", "The user's adid, derived from the user id.", "the user", _adid),
    own("erased_ids", "", "Of an erased person the ids, as kind:value, separated by commas.",
         "the erasure, until it is done", _erased_ids),
    own("external_device_id", "", "The external device id.", "the event",
         _device("external_device_id")),
    own("gps_adid", "gaid device.ids.gaid", "Google advertising id.", "the event, else the click",
         _device("gps_adid", "gaid")),
    own("idfa", "idfa device.ids.idfa", "Apple advertising id.", "the event, else the click",
         _device("idfa")),
    *(own(name, "", f"Device id {name}.", "the event, else the click", _device(name))
      for name in ("idfv", "android_id", "fire_adid", "oaid", "web_uuid", "google_app_set_id",
                   "win_adid", "win_hwid", "win_naid", "win_udid", "mac_sha1", "mac_md5",
                   "idfa_md5", "gps_adid_md5", "android_id_md5", "oaid_md5")),
    own("idfa_md5_hex", "", "Device id idfa_md5_hex, else idfa_md5.", "the event, else the click",
         _device("idfa_md5_hex", "idfa_md5")),
    own("ip_address", "click.user.connection.ip", "The address of the event, else of the click.",
         "the event, else the click", lambda facts: facts.ip_address),
    own("user_agent", "click.user.ua", "The user agent of the event, else of the click.",
         "the event, else the click", lambda facts: facts.user_agent),
    own("country", "click.user.geo.country", "The country of the event, two lower-case letters.",
         "the event", lambda facts: facts.country and facts.country.lower()),
)  # fmt: skip
_SOURCE = (
    own("click_id", "click.id", "The credited click's id, as Waybill gave it.",
         "the attribution", lambda facts: facts.click_id),
    own("pub_click_id", "click.publisher.clickId", "The partner's own id of the click.",
         "the click's pub_click_id", _clicked("pub_click_id")),
    own("pub_sub_id", "click.publisher.subId", "The partner's sub id.", "the click's pub_sub_id",
         _clicked("pub_sub_id")),
    own("pub_sub_sub_id", "click.publisher.subSubId", "The partner's second sub id.",
         "the click's pub_sub_sub_id", _clicked("pub_sub_sub_id")),
    own("pub_id", "click.publisher.id ext.publisherId", "The publisher id of the link.",
         "the link", lambda facts: facts.pub_id),
    own("offer_id", "offer.id offer.offerId ext.offerId", "The offer id of the link.",
         "the link", lambda facts: facts.offer_id),
    own("tracker", "", "The offer id of the link.", "the link", lambda facts: facts.offer_id),
    own("last_tracker", "", "As tracker.", "the link", lambda facts: facts.offer_id),
    own("first_tracker", "", "As tracker, for a user who was never reattributed.", "the link",
         lambda facts: facts.offer_id if facts.is_first_source else None),
    own("first_tracker_name", "", "As tracker_name, for a user who was never reattributed.",
         "the attribution", lambda facts: _tracker_name(facts) if facts.is_first_source else None),
    own("outdated_tracker", "", "The offer id of the link before an updated attribution.",
         "the callback", lambda facts: facts.outdated_offer_id),
    own("tracker_name", "", "Network::Campaign::Adgroup::Creative of the source; Organic.",
         "the attribution", _tracker_name),
    own("last_tracker_name", "", "As tracker_name.", "the attribution", _tracker_name),
    own("network_name", "", "The partner, or the source that the click names.",
         "the attribution", _network),
    own("campaign_name", "", "The link's name, or the campaign that the click names.",
         "the attribution", _campaign),
    own("adgroup_name", "", "The ad set that the click names.", "the click's adset",
         _clicked("adset")),
    own("creative_name", "", "The creative that the click names.", "the click's creative",
         _clicked("creative")),
    own("label", "", "The click's label.", "the click's label", _clicked("label")),
    own("outdated_tracker_name", "", "The source before an updated attribution.",
         "the callback", _outdated_tracker_name),
    own("outdated_network_name", "", "The partner or source before an updated attribution.",
         "the callback", _outdated_network),
    own("is_organic", "", "1 for a user whom no source is credited with, else 0.",
         "the attribution", lambda facts: _flag(facts.origin is None)),
    own("is_reattributed", "", "1 for a reattribution, else 0.", "the attribution",
         lambda facts: _flag(facts.activity == "reattribution")),
    own("impression_based", "", "1 if an impression is credited, else 0.", "the attribution",
         lambda facts: _flag(facts.click_kind == "impression")),
    own("match_type", "", "device_tag for an id, fingerprint for address and device.",
         "the attribution", lambda facts: _MATCH_TYPES.get(facts.rule or "")),
    own("rejection_reason", "", "Of a rejected install or reattribution why the click was not "
         "credited: outside_window, crowded_address or used_up.", "the attribution",
         lambda facts: facts.rejection or facts.parameter("rejection_reason")),
    own("attribution_rule", "", "The rule, such as click_id, view_device_id or organic.",
         "the attribution", lambda facts: facts.rule),
)  # fmt: skip
_MONEY = (
    own("revenue", "", "The revenue in hundredths of its currency.", "the event's sale_amount",
         lambda facts: None if facts.sale_amount is None
         else f"{round(Decimal(facts.sale_amount) * 100):d}"),
    own("revenue_float", "", "The revenue in whole units of its currency.",
         "the event's sale_amount", lambda facts: facts.sale_amount),
    own("currency", "", "The currency of the revenue.", "the event's sale_amount_currency",
         lambda facts: facts.sale_amount_currency),
    own("revenue_usd", "", "Revenue in US dollars; of another currency nothing is converted.",
         "the event's sale_amount", lambda facts: _in_currency(facts, "USD")),
    own("revenue_usd_cents", "", "The same, in whole cents.", "the event's sale_amount",
         lambda facts: _rounded(_in_currency(facts, "USD"), "1", 100)),
    own("reporting_revenue", "", "Revenue in the currency of the app's reports; of another one "
         "nothing is converted.", "the event's sale_amount",
         lambda facts: _in_currency(facts, facts.app_currency)),
    own("reporting_currency", "", "The currency of the app's reports.", "the app's settings",
         lambda facts: facts.app_currency),
    own("payout", "", "What the partner is paid for this, in whole units of its currency.",
         "the link's price", lambda facts: facts.payout),
    own("payout_currency", "", "The currency of the payout.", "the link's price",
         lambda facts: facts.payout_currency),
    own("payout_usd", "payout.theyGetInDollarsExact", "The payout of a price in US dollars.",
         "the link's price", _dollars),
    own("payout_usd_rounded", "payout.theyGetInDollars", "The same, with two decimals.",
         "the link's price", lambda facts: _rounded(_dollars(facts), "0.01")),
    own("payout_usd_cents", "payout.theyGetInCents", "The same, in whole cents.",
         "the link's price", lambda facts: _rounded(_dollars(facts), "1", 100)),
    own("aggregated_event_value", "", "The event's aggregated value.", "the event",
         lambda facts: facts.aggregated_event_value),
    own("event_value", "", "The event's value, as sent.", "the event",
         lambda facts: facts.event_value),
    own("ad_revenue_network", "", "The network of ad revenue.", "the event",
         lambda facts: facts.ad_network),
    own("ad_revenue_unit", "", "The ad unit of ad revenue.", "the event",
         lambda facts: facts.ad_unit),
    own("ad_revenue_placement", "", "The placement of ad revenue.", "the event",
         lambda facts: facts.ad_placement),
    own("ad_impressions_count", "", "The impressions of ad revenue.", "the event",
         lambda facts: _number(facts.ad_impressions)),
)  # fmt: skip
_PARTNER_PARAMETERS = own(
    "partner_parameters", "", "The event's partner parameters, as JSON.",
    "parameter partner_params of the event, else of the click",
    methodcaller("parameter", "partner_params", "partner_parameters"),
)  # fmt: skip
COMPUTED: tuple[Macro, ...] = (
    *(*_WHAT, *_WHO, *_SOURCE, *TIME_MACROS, *_MONEY),
    _PARTNER_PARAMETERS,
)
_PASSED_ON = tuple(
    own(name, "peaChain" if name == "peaChain" else "", "As it was sent.",
         f"parameter {name} of the event, else of the click", methodcaller("parameter", name))
    for name in PASSED_ON
)  # fmt: skip
DECLARED: tuple[Macro, ...] = (*COMPUTED, *_PASSED_ON)
BY_NAME: Mapping[str, Macro] = {macro.name: macro for macro in DECLARED}
BY_PATH: Mapping[str, Macro] = {path: macro for macro in DECLARED for path in macro.paths}
