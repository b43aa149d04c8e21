"""How a change of who may send is made: in the tables and for ingest, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager

from console.resources import Resources
from shared.database import transaction
from shared.errors import OperatorError
from shared.publishing import publish_snapshot, require_key
from shared.redis import RedisError


@contextmanager
def published(resources: Resources) -> Iterator[None]:
    """Changes made inside are committed once Redis holds them.

    Raises OperatorError when the key is another installation's or Redis does not take the snapshot;
    then nothing is changed.
    """
    connection, secret_key = resources.connection, resources.secret_key
    try:
        with transaction(connection):
            require_key(connection, secret_key)
            yield
            publish_snapshot(connection, resources.redis, secret_key)
    except RedisError as fault:
        raise OperatorError(
            "Redis did not take the new state, so ingest could not learn of it: nothing was "
            "changed. Try again once Redis answers."
        ) from fault
