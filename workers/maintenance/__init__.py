"""Periodic jobs that keep Redis and the tables in order.

Read `upkeep` (the sweep every few seconds, housekeeping every minute), then `restore_seen`, which
rewrites the seen set after Redis has lost it.
"""
