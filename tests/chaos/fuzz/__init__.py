"""Requests that nobody would send, to the real server and the console's API.

    make fuzz REQUESTS=100000 SEED=7
    make faults                       a minute of it

Reading order: ingest_requests (calls of every endpoint, with documented names and any values),
json_requests (JSON bodies, batches, gzip), raw_bytes (what is hardly HTTP), api_calls (calls made
from the API's own document), target (the product, and what it answered), run (Hypothesis draws,
sends and shrinks). Imports nothing of the product.
"""
