"""Reads sums of rollups.

Reading order: conditions (filters as SQL), dimensions (breakdowns as columns), levels (what is
read), catalog, rollup_sums (what PostgreSQL adds up), report_builder (rows), report_reader.
"""
