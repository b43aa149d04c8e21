"""A run of the bench: its stores, its folder, how long and how often each thing is measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.bench.product import BenchProduct
from tests.bench.samples import Results
from tests.bench.stores import BenchPostgres, BenchValkey, Workplace

FURNISHED = "furnished"  # the database that all others are copied from


@dataclass
class Run:
    """A run with `seconds` of load per sample; lines with a target are measured in
    `rounds_of_targets`, the others in `rounds`."""

    folder: Path
    seconds: int
    rounds: int
    rounds_of_targets: int
    drain_events: int
    backlog_events: int
    results: Results = field(default_factory=Results)
    _postgres: BenchPostgres | None = None
    _furnished: BenchProduct | None = None

    @property
    def postgres(self) -> BenchPostgres:
        assert self._postgres is not None
        return self._postgres

    @contextmanager
    def open(self) -> Iterator["Run"]:
        """Opens a run with PostgreSQL, and a database with one app in it."""
        workplace = Workplace(self.folder)
        with workplace.postgres() as self._postgres:
            url = self.postgres.make_database(FURNISHED)
            with workplace.valkey() as valkey:
                self._furnished = BenchProduct(self.folder, url, valkey)
                self._furnished.furnish()
            yield self

    @contextmanager
    def valkey(self, fsync: str = "always", cores: str | None = None) -> Iterator[BenchValkey]:
        with Workplace(self.folder).valkey(fsync, cores) as valkey:
            yield valkey

    @contextmanager
    def resources(self, fsync: str = "always", cores: str | None = None) -> Iterator[BenchProduct]:
        """Yields a product on stores of its own, with the app, token and link that all of them
        have."""
        with self.valkey(fsync, cores) as valkey:
            yield self.product_on(valkey, f"waybill_{fsync}")

    def product_on(
        self, valkey: BenchValkey, database: str, template: str = FURNISHED
    ) -> BenchProduct:
        assert self._furnished is not None
        url = self.postgres.make_database(database, template)
        product = replace(self._furnished, database_url=url, valkey=valkey)
        product.publish()
        return product
