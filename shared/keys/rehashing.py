"""Moves the new digests of tokens, as ingest has reported them, into the table of tokens.

The digest before stays valid until the rotation is finished: a request that was authenticated by it
may still wait in a batch.
"""

from shared.database import Connection, run
from shared.keys.rehashed_tokens import delete_reports, rehashed_tokens
from shared.redis import Redis
from shared.tokens import key_check

_CURRENT = "SELECT key_check FROM installation"
_REHASH = """
UPDATE tokens SET former_digest = tokens.digest, digest = used.digest, under_former_key = false
FROM unnest(%s::bigint[], %s::bytea[]) AS used (token_id, digest)
WHERE id = used.token_id AND under_former_key
  AND NOT EXISTS (SELECT FROM tokens AS other WHERE other.digest = used.digest)
"""


def store_rehashed_tokens(connection: Connection, redis: Redis, secret_key: bytes) -> int:
    """Stores what ingest has reported since the last time; returns the number of tokens."""
    row = run(connection, _CURRENT).fetchone()
    if row is None or bytes(row[0]) != key_check(secret_key):
        return 0  # nothing is reported before a rotation, and nobody knows its key
    digests = rehashed_tokens(redis, bytes(secret_key))
    if digests:
        run(connection, _REHASH, (list(digests), list(digests.values())))
        delete_reports(redis, digests.keys())
    return len(digests)
