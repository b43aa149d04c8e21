"""Importing the history of an app from a file of another system.

Reading order: line_reader (bytes to lines), imports (a run: lines to the inbox). What a line means
is in shared.lines, because a batch that is sent has the same lines.
"""
