"""Macros of Adjust and Swaarm can be saved, and say what is so."""

import pytest
from msgspec.structs import replace

from shared.callbacks.conversion_facts import SAMPLE, ConversionFacts
from shared.callbacks.macros import BY_NAME, DECLARED
from shared.callbacks.templates import read_template, url_fault

# As Adjust's pages have them, in groups; whoever moves here pastes URLs with any of them.
ADJUST = """
adid idfa idfv gps_adid android_id fire_adid oaid google_app_set_id web_uuid win_adid win_hwid
win_naid win_udid mac_sha1 mac_md5 idfa_md5 idfa_md5_hex gps_adid_md5 android_id_md5 random_user_id
external_device_id push_token tracking_enabled tracking_limited att_status
activity_kind event event_name app_id app_name app_name_dashboard app_token app_version
app_version_short store environment sdk_version label nonce s2s
tracker tracker_name network_name campaign_name adgroup_name creative_name first_tracker
first_tracker_name last_tracker last_tracker_name outdated_tracker outdated_tracker_name
impression_based is_organic match_type rejection_reason click_referer referrer reftag deeplink gclid
fb_campaign_group_name fb_campaign_group_id fb_campaign_name fb_campaign_id fb_adgroup_name
fb_adgroup_id fb_install_referrer_campaign_name google_ads_campaign_id iad_keyword
iad_creative_set_id cost_type cost_amount cost_currency
created_at created_at_milli click_time click_time_hour impression_time impression_time_hour
engagement_time installed_at installed_at_hour install_begin_time install_finish_time referral_time
conversion_duration reattributed_at reattributed_at_hour attribution_updated_at uninstalled_at
reinstalled_at last_session_time time_to_uninstall time_to_reinstall attribution_expires_at
attribution_ttl last_fallback_time callback_ttl
click_attribution_window impression_attribution_window fingerprint_attribution_window
reattribution_attribution_window inactive_user_definition
ip_address user_agent country country_subdivision city postal_code region isp connection_type
language device_name device_type os_name os_version api_level cpu_type hardware_name mcc mnc
timezone session_count lifetime_session_count time_spent last_time_spent is_reattributed
is_redownload is_s2s is_untrusted
revenue revenue_float currency revenue_usd revenue_usd_cents reporting_revenue reporting_currency
ad_impressions_count ad_mediation_platform ad_revenue_network ad_revenue_unit ad_revenue_placement
ad_revenue_payload subscription_event_type subscription_event_subtype subscription_product_id
subscription_transaction_id subscription_original_transaction_id subscription_purchased_at
subscription_expiration_time subscription_environment subscription_store subscription_sales_region
"""
SWAARM = """
id click.id click.publisher.id click.publisher.clickId click.publisher.subId
click.publisher.subSubId click.time click.user.connection.ip click.user.geo.country time offer.id
offer.offerId offer.name offer.eventTypeId eventType.name status.state payout.theyGetInDollars
payout.theyGetInDollarsExact payout.theyGetInCents gaid idfa ext.offerId ext.publisherId peaChain
"""


@pytest.mark.parametrize("name", ADJUST.split())
def test_every_macro_of_adjust_can_be_saved(name: str) -> None:
    assert url_fault(f"https://partner.example/cb?x={{{name}}}") is None


@pytest.mark.parametrize("path", SWAARM.split())
def test_every_macro_of_swaarm_can_be_saved(path: str) -> None:
    assert url_fault(f"https://partner.example/cb?x=#{{{path}}}") is None


@pytest.mark.parametrize(
    ("name", "facts", "value"),
    [
        ("status", replace(SAMPLE, activity="rejected_install"), "rejected"),
        ("status", replace(SAMPLE, activity="rejected_reattribution"), "rejected"),
        ("status", SAMPLE, "approved"),
        ("first_tracker_name", SAMPLE, "Acme::Summer::Germany::Banner 7"),
        ("first_tracker", replace(SAMPLE, attributed_at_ms=1_761_646_000_000), None),
        ("outdated_tracker", replace(SAMPLE, outdated_offer_id="9"), "9"),
        ("click_attribution_window", SAMPLE, "168"),
        ("fingerprint_attribution_window", replace(SAMPLE, click_probabilistic_ms=5400000), "1.5"),
        ("impression_attribution_window", replace(SAMPLE, view_device_id_ms=None), None),
        ("revenue_usd", SAMPLE, None),
        ("revenue_usd", replace(SAMPLE, sale_amount_currency="USD"), "9.99"),
        ("revenue_usd_cents", replace(SAMPLE, sale_amount_currency="USD"), "999"),
        ("reporting_revenue", SAMPLE, "9.99"),
        ("reporting_revenue", replace(SAMPLE, sale_amount_currency="GBP"), None),
        ("reporting_currency", SAMPLE, "EUR"),
        ("reattributed_at_hour", replace(SAMPLE, activity="reattribution"), "1761645600"),
        ("reattributed_at_hour", SAMPLE, None),
        ("idfa_md5_hex", replace(SAMPLE, device_ids={"idfa_md5": "ab"}), "ab"),
        ("partner_parameters", replace(SAMPLE, parameters={"partner_params": "{}"}), "{}"),
    ],
)  # fmt: skip
def test_a_macro_says_what_is_so(name: str, facts: ConversionFacts, value: str | None) -> None:
    assert BY_NAME[name].read(facts) == value
    assert read_template(f"https://p.example/{{{name}}}").fill(facts).endswith("/") == (not value)


def test_no_macro_needs_more_than_what_is_always_known() -> None:
    bare = ConversionFacts(
        id=SAMPLE.id,
        activity="event",
        environment="production",
        receipt=SAMPLE.receipt,
        event_time_ms=0,
        created_at_ms=0,
        app_id=1,
    )

    for macro in DECLARED:
        value = macro.read(bare)
        assert value is None or isinstance(value, str), macro.name
