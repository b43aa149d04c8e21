"""The protocol of Swaarm's SDKs, for the web and for devices, where an app allows SDK traffic.

Source of each rule: the sources of swaarmjs 2.1.0, swaarm-web-sdk 1.0.4, and of the SDKs for
Android, iOS and React Native; docs/sdks.md says what Waybill does otherwise. Read `sdk_event` first
(one event of a batch), then `device` (what the user agent says), `associate` and `answers`.
"""
