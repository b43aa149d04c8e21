"""Holds what more than one program needs, and imports no program.

Reading order: errors, clock, ids, settings; then events (what travels), tokens, snapshot (the
credentials of senders) and publishing; redis, inbox, seen and rq_queue (Redis); database,
schema.sql, migrate, event_columns and partitions (PostgreSQL); metrics, rejections and redaction.
"""
