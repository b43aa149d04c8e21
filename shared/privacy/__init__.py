"""Rights of the people behind the data: erasure, choices on sharing, and the tombstones that last.

Read `identities` first (the ids that lead to somebody, and their digests), then `tombstones`,
`requests` (the way from ingest to the workers), `subject` (whose rows an id leads to), `sharing`.
"""
