"""Reads sums of rollups.

Reading order: conditions (filters as SQL), dimensions (breakdowns as columns), report_builder (sums
by row), report_reader.
"""
