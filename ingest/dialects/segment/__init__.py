"""Segment's dialect: calls that name a user, an event and their context, as CDPs pass them on.

Source of each rule: Segment's page on its HTTP API source and its spec; RudderStack's gateway takes
the same calls. docs/dialects/segment.md says where Waybill differs. Read `message` first, then
`call_context` (device, address, click), `properties` (the amount), `clock` and `responses`.
"""
