"""Serves the SDKs of Adjust and Swaarm, where an app allows their traffic.

Read `resource` first (what every path has in common), then `swaarm_paths` and `adjust_paths` (what
each of them answers), `event_batch` and `lookup`.
"""
