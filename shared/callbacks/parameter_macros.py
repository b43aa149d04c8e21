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
    *("install_begin_time", "install_finish_time", "referral_time", "last_session_time"),
    *("fb_campaign_group_name", "fb_campaign_group_id", "fb_campaign_name", "fb_campaign_id"),
    *("fb_adgroup_name", "fb_adgroup_id", "google_ads_campaign_id", "google_ads_campaign_name"),
    *("google_ads_adgroup_id", "google_ads_creative_id", "campaign_id", "adset_id", "ad_id"),
    *("campaign", "adset", "creative", "placement", "site", "term", "peaChain"),
    *("ad_mediation_platform", "ad_revenue_payload", "subscription_event_type"),
    *("subscription_event_subtype", "subscription_product_id", "subscription_transaction_id"),
    *("subscription_original_transaction_id", "subscription_purchased_at"),
    *("subscription_expiration_time", "subscription_environment", "subscription_store"),
    "subscription_sales_region",
    # What only the sender knows, or another system that sends it along.
    *("uninstalled_at", "reinstalled_at", "time_to_uninstall", "time_to_reinstall"),
    *("attribution_expires_at", "attribution_ttl", "last_fallback_time", "callback_ttl"),
    *("within_callback_ttl", "is_untrusted", "is_imported", "third_party_sharing_disabled"),
    *("publisher_parameters", "secret_id", "search_term", "reftags", "received_at"),
    *("app_version_raw", "device_manufacturer", "device_model", "device_atlas_id", "platform"),
    *("network_type", "proxy_ip_address", "external_device_id_md5", "reporting_cost"),
    *("cost_id_md5", "event_cost_id", "tweet_id", "twitter_line_item_id", "gbraid", "wbraid"),
    *("google_ads_ad_type", "google_ads_campaign_type", "google_ads_engagement_type"),
    *("google_ads_external_customer_id", "google_ads_keyword", "google_ads_matchtype"),
    *("google_ads_network_subtype", "google_ads_network_type", "google_ads_placement"),
    *("google_ads_video_id", "gmp_product_type"),
    *("iad_ad_id", "iad_conversion_type", "iad_country_or_region", "iad_creative_set_id"),
    *("iad_creative_set_name", "iad_keyword", "iad_keyword_id", "iad_keyword_matchtype"),
    "iad_org_id",
    *(
        f"{network}_install_referrer{part}"
        for network in ("fb", "meta")
        for part in (
            *("", "_account_id", "_ad_id", "_ad_objective_name", "_adgroup_id", "_adgroup_name"),
            *("_campaign_group_id", "_campaign_group_name", "_campaign_id", "_campaign_name"),
            "_publisher_platform",
        )
    ),
    *(
        f"fb_deeplink_{part}_id"
        for part in ("account", "ad", "adgroup", "campaign", "campaign_group")
    ),
)
