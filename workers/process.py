"""Holds a worker process's settings and its connections to the stores, from job to job."""

from functools import cache

from shared.database import Connection, connect, is_closed
from shared.redis import Redis
from shared.redis import connect as connect_redis
from shared.settings import Settings, environment, read_settings
from shared.tally import Tally
from workers.facts.countries import country_reader

_ANSWER_SECONDS_MAX = 35.0  # more than PostgreSQL's time-out, which says which statement it was


class Database:
    """A connection that is opened on first use, and again after it was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None

    def connection(self) -> Connection:
        """Returns the open connection. Raises DatabaseError if PostgreSQL is unreachable."""
        if self._connection is None or is_closed(self._connection):
            self._connection = connect(self._url, "worker", _ANSWER_SECONDS_MAX)
        return self._connection

    def close(self) -> None:
        """Closes the connection, so that the next use opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class WorkerStores:
    """The stores of a worker process.

    Beside `settings`, `redis` and `database` these are the `lanes` of its drain, the country of an
    event (`country_of`), and the `tally` of its metrics. Raises OperatorError for a country
    database that cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis: Redis = connect_redis(settings.redis_url)
        self.database = Database(settings.database_url)
        self.lanes = (self.database, Database(settings.database_url))
        self.country_of = country_reader(settings.country_database)
        self.tally = Tally()


@cache
def process_stores() -> WorkerStores:
    """Returns the stores of this process, opened by its first job.

    An RQ job is a function without arguments, so this is how it reaches them.
    """
    return WorkerStores(read_settings(environment()))
