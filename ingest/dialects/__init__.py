"""Reads requests of each vendor's S2S interface and writes the answers that it publishes.

Read `dialect` first (what an endpoint needs from a dialect), then `swaarm.postback` as an example;
`common_fields` takes the parameters that are the same everywhere.
"""
