"""Time zones of apps: which days their clocks show.

Read `app_days` (where a day of a zone begins and ends).
"""
