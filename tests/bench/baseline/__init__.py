"""The simple alternative: one RQ job per event, in one transaction per event.

Tuned as its author would tune it: an index for every lookup, statements prepared once, one
connection a worker, a worker that does not fork, results that expire soon, a Redis that syncs once
a second, and gunicorn with threads, which did best of its worker classes here.

Its rules are the same in short: a session after 30 minutes of silence, the last click of the same
device within seven days. It keeps no reasons and repeats nothing safely.
"""
