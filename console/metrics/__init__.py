"""The pipeline's metrics and health over HTTP, for Prometheus, probes and autoscalers.

They have a process of their own: workers serve no HTTP, and one process queries Redis and
PostgreSQL, however many workers there are.

Reading order: app (what is served), pipeline (what follows from the observations), observer (when a
store is read), readings (what is read), lag (what an autoscaler needs), server (gunicorn's
configuration).
"""
