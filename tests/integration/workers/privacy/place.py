"""A person with everything that there can be of one, and the tools to erase them and to look."""

from dataclasses import dataclass
from typing import Any

from console.apps.apps import App
from console.privacy.erasures import (
    ErasureAction,
    ErasureRecord,
    WantedErasure,
    find_erasure,
    request_erasure,
)
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, Kind
from shared.ids import click_id_of, new_receipt
from shared.privacy.identities import PersonId
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench
from tests.support.build import ADMIN
from workers.privacy.erasure import Eraser
from workers.privacy.tombstone_filter import TombstoneFilter

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
        log = self.resources.erasure_log
        eraser = Eraser(self.bench.connection, self.bench.redis, SECRET_KEY, now_ms, log)
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


def live(place: Place) -> list[Event]:
    """Stores all that there can be of a person: a click, a lost one, a user, purchases, a key."""
    where = {"ip_address": ADDRESS, "user_agent": PHONE}
    events = [
        place.clicked(
            4,
            **where,
            device_ids={"idfa": DEVICE},
            parameters={"campaign": "spring", "pub_sub_id": "site-4", "aff_sub": "erikas-basket"},
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


def dump(connection: Connection) -> str:
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


def redis_dump(redis: Redis) -> bytes:
    return b"\n".join(key + b" " + (redis.dump(key) or b"") for key in redis.scan_iter())
