"""One run of the bench: its stores, its folder, how long and how often each thing is measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench.product import Installation
from tests.bench.samples import Results
from tests.bench.stores import BenchPostgres, BenchValkey, Workplace

FURNISHED = "furnished"  # the database that all others are copied from


@dataclass
class Run:
    """`seconds` of load a sample; `rounds_of_targets` for lines with a target, else `rounds`."""

    folder: Path
    seconds: int
    rounds: int
    rounds_of_targets: int
    drain_events: int
    backlog_events: int
    results: Results = field(default_factory=Results)
    _postgres: BenchPostgres | None = None
    _furnished: Installation | None = None

    @property
    def postgres(self) -> BenchPostgres:
        assert self._postgres is not None
        return self._postgres

    @contextmanager
    def open(self) -> Iterator["Run"]:
        """With PostgreSQL, and a database with one app in it."""
        workplace = Workplace(self.folder)
        with workplace.postgres() as self._postgres:
            url = self.postgres.make_database(FURNISHED)
            with workplace.valkey() as valkey:
                self._furnished = Installation(self.folder, url, valkey)
                self._furnished.furnish()
            yield self

    @contextmanager
    def valkey(self, fsync: str = "always", cores: str | None = None) -> Iterator[BenchValkey]:
        with Workplace(self.folder).valkey(fsync, cores) as valkey:
            yield valkey

    @contextmanager
    def resources(self, fsync: str = "always", cores: str | None = None) -> Iterator[Installation]:
        """On stores of its own, with the app, token and link that every one has."""
        with self.valkey(fsync, cores) as valkey:
            yield self.installed(valkey, f"waybill_{fsync}")

    def installed(
        self, valkey: BenchValkey, database: str, template: str = FURNISHED
    ) -> Installation:
        assert self._furnished is not None
        url = self.postgres.make_database(database, template)
        made = replace(self._furnished, database_url=url, valkey=valkey)
        made.publish()
        return made
