"""Funnels: how many users went from one event type to the next.

Read `funnel_question` (what is asked), `funnel` (the answer), `funnel_sheet` (its table).
"""
