"""Finds where decisions of different users depend on one another, so that both are decided again.

Read `newcomers` and `coupled_users` (how many were new behind an address), then `click_uses` (who
was credited with a click first).
"""
