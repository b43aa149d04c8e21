"""The pure core, which decides attributions and sessions from values alone.

It uses no clock, no I/O, no randomness and no log. Read `history` (the facts), `sessions`,
`evidence`, `waterfall` (one choice), `attribution` (a user's history), then `decision` (its end).
"""
