"""The installation's key and its rotation, as every program needs them.

Read `installation_key` (the key and the one before it), `wrapping` (keys that are stored under it),
then `rehashed_tokens` (how ingest reports that a token was used under the new key).
"""
