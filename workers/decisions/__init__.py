"""Derives decisions (attributions, sessions, active days) from committed facts and stores them.

Read `derive` (a batch), `affected_users`, `user_decisions` (one transaction), `load_history`,
`candidate_clicks`, `diff`, `write`, `stale_hours`; then `recompute`, and `set_aside_users` with
`retry_set_aside`.
"""
