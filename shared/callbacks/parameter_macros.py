"""Lists the macros whose value is a parameter of the same name, as it was sent."""

# Passed on as the backend, or failing that the click, sent them under the same name.
PASSED_ON = (
    *("app_id", "app_version", "app_version_short", "store", "sdk_version", "push_token"),
    *(
        "tracking_enabled",
        "tracking_limited",
        "att_status",
        "eea",
        "ad_personalization",
        "ad_user_data",
        "referrer",
        "click_referer",
    ),
    *("reftag", "deeplink", "gclid", "fbclid", "cost_type", "cost_amount"),
    *("cost_currency", "city", "region", "postal_code", "country_subdivision", "isp"),
    *("connection_type", "language", "device_name", "device_type", "os_name", "os_version"),
    *("api_level", "cpu_type", "hardware_name", "mcc", "mnc", "timezone", "session_count"),
    *("lifetime_session_count", "time_spent", "last_time_spent", "is_redownload"),
    *("install_begin_time", "install_finish_time", "referral_time", "partner_parameters"),
    *("fb_campaign_group_name", "fb_campaign_group_id", "fb_campaign_name", "fb_campaign_id"),
    *("fb_adgroup_name", "fb_adgroup_id", "google_ads_campaign_id", "google_ads_campaign_name"),
    *("google_ads_adgroup_id", "google_ads_creative_id", "campaign_id", "adset_id", "ad_id"),
    *("campaign", "adset", "creative", "placement", "site", "term", "peaChain"),
    *("ad_mediation_platform", "ad_revenue_payload", "subscription_event_type"),
    *("subscription_event_subtype", "subscription_product_id", "subscription_transaction_id"),
    *("subscription_original_transaction_id", "subscription_purchased_at"),
    *("subscription_expiration_time", "subscription_environment", "subscription_store"),
    "subscription_sales_region",
)
