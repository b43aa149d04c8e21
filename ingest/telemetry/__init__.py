"""Counts requests and flushes of one process and adds up the counts of all processes.

Read `counts` first (what is counted, and `/metrics`), then `shared_counts` (the memory that the
processes of one gunicorn share). Gauges are read by `ingest.gauges`.
"""
