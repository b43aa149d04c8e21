"""Tells people what is wrong with their app: looks every minute, says it once and when it is over.

Read `conditions` (what is looked at), `usual` (pure: what is out of the ordinary), `evaluation`
(what opens and ends), `message_claims` and `sender`.
"""
