"""RQ jobs that move events from Redis to tables, and derive decisions and rollups from them.

`rq worker` runs `workers.main.DrainWorker` on the queue `pipeline`; no job carries data of events.
Read `jobs` (every job), then the folders `drain`, `facts`, `decisions`, `core`, `rollups`.
"""
