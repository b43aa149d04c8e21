"""Alerts for people: what they are about, how a message is written, and how it is sent.

Read `kinds`, then `messages`, `requests` and `mail`, then `sending`.
"""
