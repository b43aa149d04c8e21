"""The Adjust dialect: parameters of its S2S endpoints, and its answers byte for byte.

Source of each rule: Adjust's S2S API pages (events, sessions, ad revenue, security) and its page
"Set up S2S security"; docs/dialects/adjust.md says where Waybill differs, and what real clients
send that those pages do not mention. Read `event` first, then `event_fields` (shared by all),
`session`, `ad_revenue`, `described_device` and `responses`.
"""
