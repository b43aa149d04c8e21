"""An app's own systems hear whom to erase, once; nothing of it is kept, nobody waits long."""

import json
from collections.abc import Iterator

import pytest

from console.apps.apps import create_app
from console.privacy.erasures import ErasureAction, find_erasure
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.device_ids import adid_of
from shared.privacy.identities import IdKind, PersonId
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.integration.workers.conftest import Bench
from tests.integration.workers.deliver.conftest import Office
from tests.integration.workers.deliver.receiver import Receiver
from tests.integration.workers.privacy.place import DEVICE, TRACES, USER, Place, dump
from tests.support.build import ADMIN
from workers.patient_database import Database
from workers.privacy.erased_callbacks import TELLING_MS_MAX
from workers.privacy.erasure import Eraser

ME = PersonId(IdKind.USER, USER)
GET_QUERY = "user={user_id}&adid={adid}&ids={erased_ids}&kind={activity_kind}&receipt={receipt}"


@pytest.fixture
def place(bench: Bench, connection: Connection, redis: Redis) -> Place:
    resources = Resources(connection, redis, SECRET_KEY)
    return Place(bench, create_app(resources, ADMIN, "Shop", "abc123def456"), resources)


@pytest.fixture
def office(place: Place, database_url: str) -> Iterator[Office]:
    receiver = Receiver()
    receiver.start()
    database = Database(database_url)
    yield Office(place.bench.connection, place.bench.redis, receiver, database, place.app.id)
    database.close()
    receiver.stop()


def work(place: Place, after_ms: int = 0) -> bool:
    """Works as a job of `erase` does, so much later; tells whether an erasure waits."""
    eraser = Eraser(
        place.bench.connection, place.bench.redis, SECRET_KEY, lambda: now_ms() + after_ms
    )
    return eraser.run(20)


def endpoint(office: Office, **columns: object) -> int:
    url = f"http://receiver.example:{office.receiver.port}/200?{GET_QUERY}"
    office.connection.execute("UPDATE callback_endpoints SET name = 'former ' || id")
    values: dict[str, object] = {"activities": ["erased"], "url": url, **columns}
    return office.endpoint("200", "", **values)


def test_own_systems_hear_the_ids_and_afterwards_nobody_has_them(
    place: Place, office: Office
) -> None:
    place.store(place.event(USER, device_ids={"gps_adid": DEVICE}))
    endpoint(office)
    endpoint(office, method="POST")
    record = place.request(ME)

    assert work(place)  # it waits for both
    office.deliver()
    assert not work(place)

    query = f"kind=gdpr_forget_device&receipt={record.id}"
    urls = [target for target in office.receiver.targets() if query in target]
    assert all(f"user={USER}&adid={adid_of(place.app.id, USER)}&ids=" in url for url in urls)
    assert len(urls) == len(office.receiver.requests) == 2
    assert all(f"user%3A{USER}" in url and f"device%3A{DEVICE}" in url for url in urls)
    assert find_erasure(place.bench.connection, record.id).state == "done"
    kept = dump(place.bench.connection)
    assert [trace for trace in TRACES if trace in kept] == []
    assert adid_of(place.app.id, USER) not in kept
    assert {state for state, *_ in office.states().values()} == {"delivered"}
    assert place.bench.connection.execute(
        "SELECT DISTINCT split_part(request, '/', 4), answer FROM callback_attempts"
    ).fetchall() == [("***", "")]


def test_an_endpoint_that_does_not_answer_delays_an_erasure_for_an_hour(
    place: Place, office: Office
) -> None:
    place.store(place.event(USER))
    url = f"http://receiver.example:{office.receiver.port}/500?{GET_QUERY}"
    endpoint(office, url=url)
    record = place.request(ME)
    assert work(place)
    office.deliver()

    assert work(place, TELLING_MS_MAX - 60_000)
    assert not work(place, TELLING_MS_MAX + 60_000)

    assert find_erasure(place.bench.connection, record.id).state == "done"
    assert [each[0] for each in office.states().values()] == ["withheld"]
    assert USER not in dump(place.bench.connection)
    # A replay finds nothing to tell.
    office.connection.execute("UPDATE callbacks SET state = 'waiting', due_at = now()")
    office.deliver()
    assert [(state, why) for state, _, why in office.states().values()] == [("withheld", "erased")]
    assert len(office.receiver.requests) == 1


@pytest.mark.parametrize(
    ("columns", "environment", "state"),
    [
        ({}, "production", "delivered"),
        ({}, "sandbox", "withheld"),
        ({"sandbox": True}, "sandbox", "delivered"),
        ({"paused_at": "now"}, "production", "withheld"),
        ({"deleted_at": "now"}, "production", None),
        ({"activities": ["event"]}, "production", None),
        ({"partner_id": 1}, "production", None),
        ({"created_at": "infinity"}, "production", None),
    ],
)
def test_who_hears_of_an_erasure(
    place: Place, office: Office, columns: dict[str, object], environment: str, state: str | None
) -> None:
    if "partner_id" in columns:
        office.connection.execute(
            "INSERT INTO partners (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'Acme')"
        )
    place.store(place.event(USER, environment=environment))
    endpoint(office, **columns)
    place.request(ME)

    work(place)
    office.deliver()

    assert not work(place)
    assert [each[0] for each in office.states().values()] == ([] if state is None else [state])
    assert len(office.receiver.requests) == (state == "delivered")


def test_a_reset_is_no_erasure(place: Place, office: Office) -> None:
    place.store(place.event(USER))
    endpoint(office)
    place.request(ME, action=ErasureAction.RESET)

    work(place)

    assert office.states() == {}


def test_json_has_every_id_with_its_kind(place: Place, office: Office) -> None:
    place.store(place.event(USER, device_ids={"gps_adid": DEVICE}))
    endpoint(office, method="POST", url=f"http://receiver.example:{office.receiver.port}/200")
    place.request(ME)
    work(place)
    office.deliver()

    [body] = office.receiver.bodies
    told = json.loads(body)
    assert told["type"] == "erased"
    ids = {(each["kind"], each["value"]) for each in told["data"]["erased_ids"]}
    assert {("user", USER), ("device", DEVICE)} <= ids
