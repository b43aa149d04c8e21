"""Cohorts: what became of the users of a day, week or month, up to 180 days later.

Reading order: cohort_question (what is asked), cohort_table (the answer, from rollups), then
cohort_sheets (as a table and a chart).
"""
