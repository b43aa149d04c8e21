"""HTTP in, Redis out: checks tokens and parameters, and answers once the event is on disk.

Knows nothing of attribution and never opens PostgreSQL: what it needs to know of apps and tokens
stands in a snapshot in Redis.
"""
