"""Keeps the rollups of reports up to date: sums and distinct users by hour and day.

Read `stale_periods` (marks what has changed), `schedule` (which period is rolled up, and when),
then `aggregate` with its .sql files (one hour or day).
"""
