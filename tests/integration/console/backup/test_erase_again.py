"""Tests that nobody who was erased after a backup comes back with it."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.apps.apps import create_app
from console.backup.archive import ArchiveReader
from console.backup.load import ErasuresAfter, Restored, restore
from console.backup.save import save
from console.privacy.erasures import allow_again
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection, connect
from shared.errors import OperatorError
from shared.events import Event
from shared.privacy.erasure_log import ErasureLog, LogContents, read_log
from shared.privacy.identities import IdKind, PersonId, id_digest, person_id
from shared.privacy.tombstones import read_tombstone_key
from shared.redis import Redis
from shared.vocabulary import QuarantineReason
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.backup.restored import NAME, opened_target
from tests.integration.workers.conftest import Bench, opened
from tests.integration.workers.privacy.place import (
    DEVICE,
    OTHER,
    TRACES,
    USER,
    Place,
    dump,
    live,
)
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES
from workers.facts.quarantine import quarantine_event
from workers.privacy.erasure import Eraser
from workers.privacy.tombstone_filter import TombstoneFilter


@pytest.fixture
def bench(connection: Connection, redis: Redis, database_url: str) -> Iterator[Bench]:
    with opened(connection, redis, database_url) as bench:
        yield bench


@pytest.fixture
def target(database_url: str) -> Iterator[Connection]:
    yield from opened_target(database_url)


@dataclass
class Drill:
    """An installation with a log of erasures, and the empty database of another."""

    place: Place
    life: list[Event]
    log: Path
    target: Connection
    url: str

    def save(self) -> bytes:
        stream = io.BytesIO()
        resources = self.place.resources
        with connect(self.url, "tests") as reader:
            now = datetime.now(UTC).isoformat()
            save(resources, reader, stream, now, lambda _done, _total: None)
        return stream.getvalue()

    def restore(self, content: bytes, log: LogContents | None = None) -> Restored:
        redis = self.place.bench.redis
        redis.flushall()
        read = log or read_log(self.log.read_bytes(), "erasures.log")

        def finish() -> None:
            eraser = Eraser(self.target, redis, SECRET_KEY, now_ms)
            while eraser.run(20):
                pass

        return restore(
            Resources(self.target, redis, SECRET_KEY),
            ArchiveReader(io.BytesIO(content), "backup.tar"),
            lambda _done, _total: None,
            ErasuresAfter(read, finish),
        )

    def left(self) -> list[str]:
        """Returns the rows of the restored database that name the person."""
        traces = [*TRACES, *(each.click_id for each in self.life[:2] if each.click_id)]
        rows = [row for row in dump(self.target).split("\n") if any(each in row for each in traces)]
        return [row for row in rows if "somebody-else" not in row and OTHER not in row]

    def store(self, *events: Event) -> tuple[int, int]:
        """Returns how many of these events the restored installation stores and leaves out."""
        redis = self.place.bench.redis
        with opened(self.target, redis, self.url.replace("/waybill?", f"/{NAME}?")) as there:
            there.send(list(events))
            recorded = there.drain(tombstones=TombstoneFilter(SECRET_KEY, redis))
        return recorded.events, recorded.erased


@pytest.fixture
def drill(
    bench: Bench, redis: Redis, target: Connection, database_url: str, tmp_path: Path
) -> Drill:
    log = tmp_path / "erasures.log"
    resources = Resources(bench.connection, redis, SECRET_KEY, ErasureLog(log))
    place = Place(bench, create_app(resources, ADMIN, "Shop", "abc123def456"), resources)
    return Drill(place, live(place), log, target, database_url)


@pytest.mark.parametrize(
    "named",
    [
        lambda _: person_id(IdKind.USER, USER),
        lambda _: person_id(IdKind.DEVICE, DEVICE),
        lambda life: person_id(IdKind.CLICK, life[1].click_id),
        lambda life: person_id(IdKind.EVENT, str(life[3].receipt)),
    ],
    ids=["user", "device", "click", "event"],
)
def test_a_person_who_was_erased_after_the_backup_is_not_in_what_is_restored(
    drill: Drill, named: Callable[[list[Event]], PersonId]
) -> None:
    backup = drill.save()
    erased = drill.place.erase(named(drill.life))

    restored = drill.restore(backup)

    assert restored.erased_again == 1
    assert drill.left() == []
    row = drill.target.execute(b"SELECT id, state, source, proof FROM erasures").fetchone()
    assert row == (erased.id, "done", "restore", erased.proof)
    late = [drill.place.event(USER), drill.place.event("new", device_ids={"idfa": DEVICE})]
    assert drill.store(*late, drill.place.event("somebody-else")) == (1, 2)
    assert drill.place.bench.redis.scard(NAMES.forgotten) > 2, "ingest refuses them at once"


def test_reports_count_the_same_before_and_after(drill: Drill) -> None:
    backup = drill.save()
    drill.place.erase(person_id(IdKind.USER, USER))

    drill.restore(backup)

    for count in (b"SELECT count(*), sum(sale_amount) FROM events", b"SELECT count(*) FROM users"):
        there = drill.target.execute(count).fetchone()
        assert there == drill.place.bench.connection.execute(count).fetchone()


def test_a_person_who_waited_in_inbox_and_quarantine_stays_out(drill: Drill) -> None:
    place = drill.place
    held = place.event("only in quarantine", parameters={"shelf": "erikas-basket"})
    quarantine_event(place.bench.connection, held, QuarantineReason.KILLED_WORKER, "3 deliveries")
    place.bench.send([place.event("waiting", device_ids={"idfa": DEVICE})])
    backup = drill.save()
    place.store()
    for user in (USER, "only in quarantine"):
        place.erase(person_id(IdKind.USER, user))

    assert drill.restore(backup).erased_again == 2

    assert drill.target.execute(b"SELECT count(*) FROM quarantine").fetchone() == (0,)
    assert drill.store() == (0, 1)
    assert drill.left() == []


def test_later_backups_have_nothing_of_the_person_and_nothing_is_erased_twice(
    drill: Drill,
) -> None:
    drill.place.erase(person_id(IdKind.USER, USER))
    later = drill.save()

    restored = drill.restore(later)

    assert restored.erased_again == 0
    assert USER.encode() not in later
    assert drill.left() == []
    assert drill.store(drill.place.event(USER)) == (0, 1)


def test_whoever_was_allowed_again_is_erased_once_and_may_return(drill: Drill) -> None:
    backup = drill.save()
    drill.place.erase(person_id(IdKind.USER, USER))
    allow_again(drill.place.resources, ADMIN, drill.place.app, [person_id(IdKind.USER, USER)])

    assert drill.restore(backup).erased_again == 1

    assert drill.left() == []
    assert drill.store(drill.place.event(USER)) == (1, 0)


def test_whoever_returned_and_was_erased_once_more_stays_erased(drill: Drill) -> None:
    backup, user = drill.save(), person_id(IdKind.USER, USER)
    drill.place.erase(user)
    allow_again(drill.place.resources, ADMIN, drill.place.app, [user])
    drill.place.store(drill.place.event(USER))
    drill.place.erase(user)

    assert drill.restore(backup).erased_again == 2

    assert drill.store(drill.place.event(USER)) == (0, 1)


def test_a_log_that_was_lost_begins_again_with_what_the_tables_know(drill: Drill) -> None:
    backup = drill.save()
    drill.place.erase(person_id(IdKind.USER, USER))
    drill.log.unlink()
    drill.place.erase(person_id(IdKind.USER, "somebody-else"))

    assert drill.restore(backup).erased_again == 2

    assert drill.left() == []


def test_the_log_names_nobody(drill: Drill) -> None:
    drill.place.erase(person_id(IdKind.USER, USER))

    content = drill.log.read_text()

    assert len(content.splitlines()) > 1
    assert [trace for trace in (*TRACES, "somebody-else") if trace in content] == []


def test_the_log_of_another_installation_is_refused(drill: Drill) -> None:
    backup = drill.save()

    with pytest.raises(OperatorError, match="another installation"):
        drill.restore(backup, LogContents("0" * 64, [], 0))


def test_a_log_that_cannot_be_written_stops_the_erasure_and_loses_nothing(
    drill: Drill, tmp_path: Path
) -> None:
    place, record = drill.place, drill.place.request(person_id(IdKind.USER, USER))
    lost = ErasureLog(tmp_path / "missing folder" / "erasures.log")
    eraser = Eraser(place.bench.connection, place.bench.redis, SECRET_KEY, now_ms, lost)

    with pytest.raises(OperatorError, match="cannot be written"):
        eraser.run(20)

    assert USER in dump(place.bench.connection)
    place.work()
    assert str(record.id) in drill.log.read_text()


def test_a_choice_of_a_device_that_has_nothing_else_goes_too(drill: Drill) -> None:
    place, device = drill.place, person_id(IdKind.DEVICE, "ab" * 16)
    key = read_tombstone_key(place.bench.connection, SECRET_KEY)
    assert key is not None
    place.bench.connection.execute(
        "INSERT INTO sharing_choices (digest, app_id, is_shared, chosen_at)"
        " VALUES (%s, %s, false, now())",
        (id_digest(key, place.app.id, device), place.app.id),
    )
    content = drill.save()
    place.erase(device)

    drill.restore(content)

    assert drill.target.execute(b"SELECT count(*) FROM sharing_choices").fetchone() == (0,)
