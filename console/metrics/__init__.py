"""The pipeline's metrics and health over HTTP, for Prometheus, probes and autoscalers.

A process of its own: workers serve no HTTP, and Redis and PostgreSQL are asked by one, however many
workers there are.

Reading order: app (what is served), pipeline (what follows from what is seen), observer (who looks,
when), readings (what is read), lag (what an autoscaler needs), server (gunicorn's configuration).
"""
