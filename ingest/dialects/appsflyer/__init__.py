"""The AppsFlyer dialect: in-app events that a backend reports, and its answers as it prints them.

Source of each rule: AppsFlyer's OpenAPI files of its S2S events API for mobile, versions 2 and 3;
docs/dialects/appsflyer.md says where Waybill differs. Read `inappevent` first, then `event_value`
and `responses`.
"""
