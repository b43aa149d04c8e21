"""`/batch`: many events in one request, each answered with a verdict of its own.

Reading order: endpoint (a request's way), body and envelope (bytes to raw events), event_reader and
dialect_events (a raw event to an event), storage (one write to the inbox), verdict (the answer),
batch_journal (the logs).
"""
