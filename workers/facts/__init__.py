"""Stores a batch of events as facts: events, clicks, users and the narrow rows decisions read.

Read `record` (one batch, one transaction), `event_rows`, `click_rows`, `user_rows`, `signal_rows`,
`unique_events`, then `countries`, `quarantine` and the job `backfill_event_types`.
"""
