"""Erasure: nothing leads to the person any more, every report stays, and nobody comes back."""

from dataclasses import dataclass
from typing import Any

import pytest

from console.apps.apps import App, create_app
from console.privacy.erasures import (
    ErasureAction,
    ErasureRecord,
    WantedErasure,
    allow_again,
    find_erasure,
    request_erasure,
)
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from shared.privacy.identities import IdKind, PersonId, person_id
from shared.recompute import request_recompute
from shared.redis import Redis
from shared.seen import device_marker, set_markers
from shared.vocabulary import QuarantineReason
from tests.integration.conftest import SECRET_KEY
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench
from tests.support.build import ADMIN
from workers.decisions.recompute import recompute
from workers.facts.quarantine import quarantine_event
from workers.privacy.erasure import Eraser
from workers.privacy.tombstone_filter import LATE_KEY, TombstoneFilter
from workers.rollups.schedule import roll_up
from workers.rollups.stale_periods import mark_app_stale

HOUR_MS = 3_600_000
USER = "erika-mustermann-4711"
DEVICE = "38400000-8cf0-11bd-b23e-10b96e40000d"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15"
ADDRESS = "81.2.69.142"
OTHER = "81.2.69.143"
TABLET = "Mozilla/5.0 (Linux; Android 14; Pixel Tablet) AppleWebKit/537.36"
KEY = "order-of-erika-1"
TRACES = (USER, DEVICE, ADDRESS, "iPhone", KEY, "erikas-basket", "erikas-value")


@dataclass
class Place:
    """An app with a drain that knows tombstones, and an eraser."""

    bench: Bench
    app: App
    resources: Resources

    def store(self, *events: Event) -> Any:
        self.bench.send(list(events))
        return self.bench.drain(tombstones=TombstoneFilter(SECRET_KEY, self.bench.redis))

    def request(self, *ids: PersonId, action: ErasureAction = ErasureAction.ERASE) -> ErasureRecord:
        wanted = WantedErasure(ids, action)
        return request_erasure(self.resources, ADMIN, self.app, wanted, now_ms())

    def work(self) -> None:
        eraser = Eraser(self.bench.connection, self.bench.redis, SECRET_KEY, now_ms)
        assert not eraser.run(20)

    def erase(self, *ids: PersonId) -> ErasureRecord:
        record = self.request(*ids)
        self.work()
        return find_erasure(self.bench.connection, record.id)

    def event(self, user: str, hours_ago: float = 2, **changes: Any) -> Event:
        usual: dict[str, Any] = {
            "app_id": self.app.id,
            "user_id": user,
            "event_time_ms": now_ms() - int(hours_ago * HOUR_MS),
        }
        return fresh(**{**usual, **changes})

    def opened(self, user: str, hours_ago: float = 2, **changes: Any) -> Event:
        return self.event(user, hours_ago, event_id="__open", kind=Kind.OPEN, **changes)

    def clicked(self, hours_ago: float = 3, **changes: Any) -> Event:
        receipt = new_receipt(now_ms())
        usual: dict[str, Any] = {
            "kind": Kind.CLICK,
            "receipt": receipt,
            "click_id": click_id_of(receipt),
            "event_id": "",
            "link_id": 1,
        }
        return self.event("", hours_ago, **{**usual, **changes})


@pytest.fixture
def place(bench: Bench, connection: Connection, redis: Redis) -> Place:
    resources = Resources(connection, redis, SECRET_KEY)
    return Place(bench, create_app(resources, ADMIN, "Shop", "abc123def456"), resources)


@pytest.fixture
def life(place: Place) -> list[Event]:
    """Everything that there can be of a person: a click, a lost one, a user, purchases, a key."""
    where = {"ip_address": ADDRESS, "user_agent": PHONE}
    events = [
        place.clicked(
            4,
            **where,
            device_ids={"idfa": DEVICE},
            parameters={"campaign": "spring", "aff_sub": "erikas-basket"},
        ),
        place.clicked(3, **where, device_ids={"gps_adid": DEVICE}),
        place.opened(USER, 2, **where, device_ids={"gps_adid": DEVICE}),
        place.event(
            USER,
            1.5,
            **where,
            event_id="purchase",
            sale_amount="20.00",
            sale_amount_currency="EUR",
            idempotency_key=KEY,
            event_value="erikas-value",
            parameters={"shelf": "erikas-basket"},
        ),
        place.opened("somebody-else", 2, ip_address=OTHER, user_agent=TABLET),
    ]
    place.store(*events)
    return events


def _dump(connection: Connection) -> str:
    """Returns every value of every table."""
    tables = connection.execute(
        b"SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
        b"AND relnamespace = 'public'::regnamespace ORDER BY 1"
    ).fetchall()
    return "\n".join(
        f"{table}: {row}"
        for (table,) in tables
        for (row,) in connection.execute(f"SELECT t::text FROM {table} AS t".encode())
    )


def _redis_dump(redis: Redis) -> bytes:
    return b"\n".join(key + b" " + (redis.dump(key) or b"") for key in redis.scan_iter())


def _figures(connection: Connection) -> dict[str, list[Any]]:
    while roll_up(connection, 10).more:
        pass
    orders = {
        "figures": "grain, start, event, link_id, source, campaign, currency, country",
        "reach": "grain, start, split, event, partner_id, link_id, source, campaign, country",
        "comebacks": "day, since, days, link_id, source",
    }
    return {
        table: connection.execute(f"SELECT * FROM {table} ORDER BY {order}".encode()).fetchall()
        for table, order in orders.items()
    }


@pytest.mark.parametrize(
    "named",
    [
        lambda _: person_id(IdKind.USER, USER),
        lambda _: person_id(IdKind.DEVICE, DEVICE.upper()),
        lambda life: person_id(IdKind.CLICK, life[1].click_id),
        lambda life: person_id(IdKind.EVENT, str(life[3].receipt)),
        lambda life: person_id(IdKind.EVENT, str(life[1].receipt)),
    ],
    ids=["user", "device", "click", "event", "receipt of a click"],
)
def test_nothing_of_an_erased_person_is_in_any_store(
    place: Place, life: list[Event], named: Any
) -> None:
    connection, redis = place.bench.connection, place.bench.redis
    before = _dump(connection)
    assert all(trace in before for trace in TRACES)

    record = place.erase(named(life))

    assert record.state == "done"
    assert (record.counts["users"], record.counts["events"]) == (1, 2)
    after = _dump(connection)
    traces = [*TRACES, *(click.click_id for click in life[:2] if click.click_id)]
    left = [line for line in after.split("\n") if any(trace in line for trace in traces)]
    assert [line for line in left if "somebody-else" not in line and OTHER not in line] == []
    assert USER.encode() not in _redis_dump(redis)
    assert DEVICE.encode() not in _redis_dump(redis)


def test_every_report_stays_as_it_was_even_when_it_is_calculated_again(
    place: Place, life: list[Event]
) -> None:
    connection, redis = place.bench.connection, place.bench.redis
    before = _figures(connection)
    assert len(before["figures"]) > 4

    place.erase(PersonId(IdKind.USER, USER))

    assert _figures(connection) == before
    mark_app_stale(connection, place.app.id)
    assert _figures(connection) == before
    request_recompute(redis, [place.app.id])
    while recompute(connection, redis, 10):
        pass
    connection.execute(b"UPDATE counted_periods SET rests_until = now()")
    assert _figures(connection) == before
    assert len(life) == 5


def test_whoever_was_erased_does_not_come_back(place: Place, life: list[Event]) -> None:
    connection, redis = place.bench.connection, place.bench.redis
    waiting = place.event(USER, idempotency_key="waiting")
    held = place.event(USER, parameters={"shelf": "erikas-basket"})
    assert quarantine_event(connection, held, QuarantineReason.KILLED_WORKER, "3 deliveries")
    place.bench.send([waiting, place.event("a bystander")])
    record = place.request(PersonId(IdKind.USER, USER))
    eraser = Eraser(connection, redis, SECRET_KEY, now_ms)

    assert eraser.run(20), "it waits for the inbox"
    drained = place.store()
    place.work()

    assert (drained.events, drained.erased) == (1, 1)
    assert find_erasure(connection, record.id).counts["quarantine"] == 1
    late = [
        place.event(USER),
        place.event("a new user id", device_ids={"gaid": DEVICE.upper()}),
        place.event("another", click_id=life[1].click_id),
        place.event("a third", idempotency_key=KEY),
        place.clicked(device_ids={"idfa": DEVICE}),
        place.event("somebody-else"),
    ]
    again = place.store(*late, *life[1:])
    assert (again.events, again.erased) == (2, 8), "only somebody else's are stored"
    assert USER not in _dump(connection)
    assert DEVICE not in _dump(connection)


def test_redis_forgets_what_ingest_noted_of_a_late_event(place: Place) -> None:
    redis = place.bench.redis
    place.erase(PersonId(IdKind.USER, USER))
    late = place.opened(USER)
    environment = late.environment
    set_markers(redis, [device_marker(place.app.id, environment, USER, 1)], late.received_at_ms)
    assert USER.encode() in _redis_dump(redis)

    assert place.store(late).erased == 1

    assert USER.encode() not in _redis_dump(redis)
    assert redis.exists(LATE_KEY), "upkeep has the log written anew"


def test_an_id_that_another_user_has_too_is_not_buried_with_the_first(place: Place) -> None:
    tablet = {"gps_adid": DEVICE}
    place.store(place.opened(USER, device_ids=tablet), place.opened("sibling", device_ids=tablet))

    place.erase(PersonId(IdKind.USER, USER))

    assert place.store(place.event("sibling", 1, device_ids=tablet)).events == 1
    place.erase(PersonId(IdKind.DEVICE, DEVICE))
    assert place.store(place.event("sibling", 1)).erased == 1


def test_an_unknown_device_is_buried_because_its_events_may_be_on_their_way(place: Place) -> None:
    place.erase(PersonId(IdKind.DEVICE, DEVICE))

    assert place.store(place.opened(USER, device_ids={"idfa": DEVICE})).erased == 1


def test_a_returning_person_is_stored_again_once_an_admin_allows_it(place: Place) -> None:
    place.store(place.opened(USER, device_ids={"idfa": DEVICE}))
    place.erase(PersonId(IdKind.USER, USER))

    assert allow_again(place.resources, ADMIN, place.app, [PersonId(IdKind.DEVICE, DEVICE)]) == 4

    assert place.store(place.opened(USER, 1, device_ids={"idfa": DEVICE})).events == 1


def test_the_proof_of_an_erasure_names_nobody(place: Place, life: list[Event]) -> None:
    record = place.erase(PersonId(IdKind.USER, USER))

    connection = place.bench.connection
    log = connection.execute(
        b"SELECT action, subject, after->'proof' FROM audit_log WHERE action LIKE 'user%' "
        b"ORDER BY id"
    ).fetchall()
    assert log == [
        ("user.erase", str(record.id), record.proof),
        ("user.erased", str(record.id), record.proof),
    ]
    assert len(record.proof) == 1
    assert len(life) == 5


def test_a_test_device_that_was_reset_counts_as_new_and_loses_nothing(place: Place) -> None:
    before = [place.opened(USER, 3, device_ids={"idfa": DEVICE}), place.event(USER, 2.5)]
    place.store(*before)

    record = place.request(PersonId(IdKind.DEVICE, DEVICE), action=ErasureAction.RESET)
    place.work()
    stored = place.store(place.opened(USER, 1, device_ids={"idfa": DEVICE}))

    connection = place.bench.connection
    assert stored.events == 1
    assert find_erasure(connection, record.id).counts == {"users": 1, "events": 2}
    installs = connection.execute(
        b"SELECT count(*) FROM attributions WHERE NOT is_reattribution AND superseded_at IS NULL"
    ).fetchone()
    assert installs == (2,)
    devices = connection.execute(b"SELECT count(*) FROM events WHERE device_ids <> '{}'").fetchone()
    assert devices == (2,)

    place.erase(PersonId(IdKind.USER, USER))

    left = [line for line in _dump(connection).split("\n") if USER in line or DEVICE in line]
    assert left == []
