"""Finds events and users, and explains what was decided about them.

Reading order: trace, event_context, user_timeline, attributions, sessions, conversions, search;
trace_words and timeline_words describe the results.
"""
