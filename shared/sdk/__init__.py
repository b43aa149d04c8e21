"""Answers for SDKs: workers publish them to Redis, ingest gives them."""
