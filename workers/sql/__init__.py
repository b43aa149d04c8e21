"""Helpers for statements that handle many rows at once.

Read `json_rows` (one JSON document in, rows out), `copy` (new rows by COPY), `expressions` (times
and days in SQL), then `files` (statements that are .sql files beside their module).
"""
