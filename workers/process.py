"""What a worker process holds from job to job: settings, and its connections to the stores."""

from functools import cache

from shared.database import Connection, connect, is_closed
from shared.redis import Redis
from shared.redis import connect as connect_redis
from shared.settings import Settings, environment, read_settings
from shared.tally import Tally
from workers.facts.countries import country_reader


class Database:
    """One connection, opened when it is needed and anew when it was lost."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Connection | None = None

    def connection(self) -> Connection:
        """Raises DatabaseError when PostgreSQL does not answer."""
        if self._connection is None or is_closed(self._connection):
            self._connection = connect(self._url, "worker")
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class WorkerStores:
    """`settings`, `redis` and `database` of this process, `lanes` of its drain, `country_of` an
    event, and the `tally` of what it counts.

    Raises OperatorError for a country database that cannot be read.
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
    """Opened by the first job: an RQ job is a function of no arguments, so this is its door."""
    return WorkerStores(read_settings(environment()))
