"""Imports the past of an app from a file: the `waybill` command does, and workers do for uploads.

Reading order: line_reader (bytes to lines), line_import (lines to the inbox; unread_notes counts
what is not used of them), upload (a file that was uploaded in pieces), upload_text (its pieces to
bytes). What a line means is in shared.lines.
"""
