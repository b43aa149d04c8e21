"""Publishes changes of apps, links and tokens to ingest in the transaction that makes them."""

from collections.abc import Iterator
from contextlib import contextmanager

from console.resources import Resources
from console.store_errors import redis_error
from shared.database import transaction
from shared.errors import OperatorError
from shared.publishing import publish_snapshot, require_key
from shared.redis import RedisError, is_refused


@contextmanager
def publishing_transaction(resources: Resources) -> Iterator[None]:
    """Commits the changes made inside once Redis has stored the snapshot of them.

    Raises OperatorError when the key is of another installation or Redis does not store the
    snapshot; then nothing is changed.
    """
    connection, secret_key = resources.connection, resources.secret_key
    try:
        with transaction(connection):
            require_key(connection, secret_key)
            yield
            publish_snapshot(connection, resources.redis, secret_key)
    except RedisError as error:
        if is_refused(error):
            raise redis_error(error) from error
        raise OperatorError(
            "Redis did not store the change, so ingest could not apply it: nothing was changed. "
            "Try again once Redis is available."
        ) from error
