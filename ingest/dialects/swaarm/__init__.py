"""The Swaarm dialect: parameters of its endpoints, and its answers.

Source of each rule: Swaarm's page "MMP: Server to server (S2S) integration" and those on its
tracking links; docs/dialects/swaarm.md says where Waybill differs. `event_time` and the idempotency
key are Waybill's own. Read `postback` first, then `s2sevent` (the same fields), `click` (clicks and
impressions) and `responses`.
"""
