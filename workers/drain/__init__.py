"""Empties the inbox into the tables.

Read `drain` (the loop), `inbox_reader` (the consumer of the stream), `lanes` (groups side by side),
`group_store` (one group), then `bisect` (isolates a bad event), `drain_metrics` and `drain_log`.
"""
