"""Demonstrations: the documented calls of `waybill demo`, and a week of sample data.

Reading order: calls (what is sent and expected), demo (sends, traces and compares them),
sample_week (made-up history of an app, imported through the importer).
"""
