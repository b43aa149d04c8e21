"""Holds a worker process's settings and its connections to the stores, from job to job."""

from functools import cache

from shared.redis import Redis
from shared.redis import connect as connect_redis
from shared.settings import Settings, environment, read_settings
from shared.tally import Tally
from workers.drain.held_groups import HeldGroups
from workers.facts.countries import country_reader
from workers.patient_database import Database


class WorkerStores:
    """The stores of a worker process.

    Beside `settings`, `redis` and `database` these are the `lanes` of its drain, the country of an
    event (`country_of`), the `tally` of its metrics, and the groups that its drains have set aside
    (`held`). Raises OperatorError for a country
    database that cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis: Redis = connect_redis(settings.redis_url, settings.names)
        self.database = Database(settings.database_url)
        self.lanes = (self.database, Database(settings.database_url))
        self.country_of = country_reader(settings.country_database)
        self.tally = Tally()
        self.held = HeldGroups()


@cache
def process_stores() -> WorkerStores:
    """Returns the stores of this process, opened by its first job.

    An RQ job is a function without arguments, so this is how it reaches them.
    """
    return WorkerStores(read_settings(environment()))
