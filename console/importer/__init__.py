"""Importing the history of an app from a file of another system.

Reading order: line_reader (bytes to lines), line_format (a line to an event), imports (a run: lines
to the inbox).
"""
