"""Serves HTTP below Falcon: connections with a deadline and a limit on everything.

Read `connection` first, then `connection_sweep` (deadlines), `limits`, `request_head` and
`refusals` (what a connection refuses by itself); `gunicorn_worker` runs it all in a process.
"""
