"""Stores exchange rates that are newer than the package's, and an operator's own.

Read `stored_rates` (the tables, and how processes learn of them), then `refresh` (the ECB's file).
"""
