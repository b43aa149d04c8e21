"""Decides histories that are too long for one transaction, window by window.

Read `windows` (where a window ends), `settlement` (whether what stands behind it still holds), then
`unfinished_decisions` (where the next window begins) and `continuing` (the job's part).
"""
