"""What one would write instead: one RQ job for each event, in one transaction for each event.

Tuned as its author would: an index for every look-up, statements prepared once, one connection a
worker, a worker that does not fork, results that are soon forgotten, a Redis that syncs once a
second, and gunicorn with threads, which did best of its worker classes here.

Its rules are the same in short: a session after 30 minutes of silence, the last click of the same
device within seven days. It keeps no reasons and repeats nothing safely.
"""
