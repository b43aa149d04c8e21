"""Importing the history of an app from a file of another system.

`imports` is a run of `waybill import`; `uploads` takes in files that workers import. How lines get
into the inbox is in shared.imports, and what a line means in shared.lines, because a batch that is
sent has the same lines.
"""
