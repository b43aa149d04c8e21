"""Erases people for good, and keeps what still arrives of them from being stored.

Read `erasure` first (the phases of one request), then `user_traces` and `click_traces` (rows),
`stored_copies` (quarantine and Redis), `tombstone_filter` (what a drain leaves out), `intake`.
"""
