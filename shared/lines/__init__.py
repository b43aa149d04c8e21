"""Reads events that are described by JSON lines, the same for an import and for a batch."""
