"""Declares the limits of an app's traffic, which people set and ingest keeps."""
