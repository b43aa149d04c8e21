"""The protocol of Adjust's SDKs, for the web and for devices, where an app allows SDK traffic.

Source of each rule: the source of `@adjustcom/adjust-web-sdk` 5.8.3, and of the SDKs for Android
5.4.6 and iOS 5.6.2; docs/sdks.md says what Waybill does otherwise. Read `package` first (what every
call carries, and how it becomes an event), then `event` (the calls that servers make as well),
`sdk_click`, `privacy` and `answers`.
"""
