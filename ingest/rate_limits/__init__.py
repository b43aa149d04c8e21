"""Keeps the limits of apps, tokens, links and addresses, per process and with little of Redis.

Reading order: rate_schedule, queue_watch, limiter, usage.
"""
