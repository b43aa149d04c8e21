"""Accepts S2S requests over HTTP, checks them and answers once the event is on disk in Redis.

It knows nothing about attribution and never opens PostgreSQL: what it has to know about apps and
tokens comes from a snapshot in Redis. Read `app` (the routes) first, then `endpoint` (the way of a
request), `authentication`, a dialect, `batcher` and `inbox` (the flush).
"""
