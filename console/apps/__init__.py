"""Apps and what belongs to each: settings, rules, event types and tracking links.

Reading order: apps, settings, rules, event_types, unmapped_events, links.
"""
