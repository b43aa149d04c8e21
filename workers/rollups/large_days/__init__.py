"""Rolls up days with many events: minute by minute, in slices of users, and never as a whole.

What each user did is kept beside the rollups (`day_events`, `day_users`), so that a change of one
minute changes the distinct users of its hour and day by just that much. Read `days` (which days are
large, and how one is built beside what is shown), `slices` (one minute, hour or part of its users),
then `steps` (the stale rows that a transaction takes).
"""
