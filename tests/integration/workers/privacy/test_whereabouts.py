"""A person is found wherever they are when they are erased, and is shown there before."""

from collections.abc import Callable
from typing import Any

import pytest

from console.apps.apps import create_app
from console.delivery.endpoint_form import EndpointForm
from console.delivery.endpoints import create_endpoint
from console.privacy.erasures import find_erasure
from console.privacy.person_file import export_person
from console.privacy.preview import preview_erasure
from console.resources import Resources
from shared.callbacks.activities import Activity
from shared.clock import now_ms
from shared.database import Connection
from shared.events import Event, encode_event, join_events
from shared.ids import new_receipt
from shared.privacy.copies import mentions
from shared.privacy.identities import IdKind, PersonId, person_id
from shared.redis import Redis
from shared.rejections import encode_rejection, recent_rejections
from shared.vocabulary import QuarantineReason
from tests.integration.conftest import SECRET_KEY
from tests.integration.fresh import fresh
from tests.integration.workers.conftest import Bench
from tests.integration.workers.privacy.place import DEVICE, KEY, USER, Place, dump, live
from tests.support.build import ADMIN, rejection
from tests.support.redis_names import NAMES
from workers.facts.quarantine import quarantine_event
from workers.privacy.erasure import Eraser

BY_DEVICE = PersonId(IdKind.DEVICE, DEVICE)
DEVICES = {"gps_adid": DEVICE}
Life = Callable[[Place], list[Event]]


@pytest.fixture
def place(bench: Bench, connection: Connection, redis: Redis) -> Place:
    resources = Resources(connection, redis, SECRET_KEY)
    return Place(bench, create_app(resources, ADMIN, "Shop"), resources)


def with_and_without_the_device(place: Place) -> list[Event]:
    return [place.opened(USER, 2, device_ids=DEVICES), place.event(USER, 1)]


def without_the_device_first(place: Place) -> list[Event]:
    return with_and_without_the_device(place)[::-1]


def by_a_click(place: Place) -> list[Event]:
    click = place.clicked(3, device_ids=DEVICES)
    named = place.opened(USER, 2, click_id=click.click_id)
    return [click, named, place.event(USER, 1)]


LIVES = [with_and_without_the_device, without_the_device_first, by_a_click]


@pytest.mark.parametrize("batches", ["one", "several"])
@pytest.mark.parametrize("life", LIVES)
def test_a_device_whose_user_only_waits_in_the_inbox_leads_to_the_user(
    place: Place, life: Life, batches: str
) -> None:
    """Not every event of the user has the device."""
    events = [*life(place), place.event("a bystander")]
    for sent in [events] if batches == "one" else [[event] for event in events]:
        place.bench.send(sent)
    place.request(BY_DEVICE)

    eraser = Eraser(place.bench.connection, place.bench.redis, SECRET_KEY, now_ms)
    assert eraser.run(20), "it waits for the inbox"
    place.store()
    place.work()

    assert USER not in dump(place.bench.connection)
    assert place.store(place.event(USER)).erased == 1
    assert place.store(place.event("a bystander")).events == 1


def test_the_receipt_of_an_event_that_waits_leads_to_its_user(place: Place) -> None:
    waiting = place.event(USER, 2)
    place.bench.send([waiting, place.event("a bystander")])
    record = place.request(person_id(IdKind.EVENT, str(waiting.receipt)))

    eraser = Eraser(place.bench.connection, place.bench.redis, SECRET_KEY, now_ms)
    assert eraser.run(20), "it waits for the inbox"
    place.store()
    place.work()

    assert find_erasure(place.bench.connection, record.id).counts["users"] == 1
    assert USER not in dump(place.bench.connection)
    assert place.store(place.event(USER)).erased == 1


@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("named", ["device", "receipt"])
def test_whoever_stands_in_quarantine_alone_is_found_there(
    place: Place, life: Life, named: str
) -> None:
    connection = place.bench.connection
    events = [*life(place), place.event("a bystander")]
    for event in events:
        assert quarantine_event(connection, event, QuarantineReason.KILLED_WORKER, "3 deliveries")
    one = next(event for event in events if event.device_ids)
    wanted = BY_DEVICE if named == "device" else person_id(IdKind.EVENT, str(one.receipt))

    shown = preview_erasure(place.resources, place.app, [wanted]).counts
    file = export_person(place.resources, ADMIN, place.app, [wanted])
    record = place.erase(wanted)

    theirs = len(events) - 1
    assert (shown["quarantine"], record.counts["quarantine"]) == (theirs, theirs)
    assert len(file.in_quarantine) == theirs
    assert connection.execute(b"SELECT count(*) FROM quarantine").fetchone() == (1,)
    assert place.store(place.event(USER)).erased == 1


def test_a_device_that_was_found_and_not_named_leads_to_nobody_else(place: Place) -> None:
    place.store(place.opened(USER, device_ids=DEVICES))
    place.bench.send([place.event("sibling", 2, device_ids=DEVICES), place.event("sibling", 1)])
    place.request(PersonId(IdKind.USER, USER))

    eraser = Eraser(place.bench.connection, place.bench.redis, SECRET_KEY, now_ms)
    assert eraser.run(20), "it waits for the inbox"
    assert place.store().events == 1
    place.work()

    assert place.store(place.event("sibling")).events == 1


def test_the_receipt_of_a_repeat_leads_to_the_event_and_that_of_a_conflict_to_nobody(
    place: Place,
) -> None:
    first = place.event(USER, idempotency_key=KEY)
    repeat = first.__class__(**{**_fields(first), "receipt": new_receipt(now_ms())})
    conflict = place.event("another", idempotency_key=KEY)
    place.store(first)
    assert place.store(repeat, conflict).duplicates == 2

    preview = preview_erasure(
        place.resources, place.app, [person_id(IdKind.EVENT, str(conflict.receipt))]
    )
    record = place.erase(person_id(IdKind.EVENT, str(repeat.receipt)))

    assert preview.counts["users"] == 0
    assert record.counts["users"] == 1
    assert USER not in dump(place.bench.connection)


def _fields(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


@pytest.mark.parametrize(
    "named",
    [PersonId(IdKind.USER, USER), BY_DEVICE],
    ids=["user", "device"],
)
def test_a_dry_run_counts_what_goes(place: Place, named: PersonId) -> None:
    connection, redis = place.bench.connection, place.bench.redis
    form = EndpointForm(
        name="all",
        activities=[Activity.EVENT, Activity.CLICK, Activity.INSTALL],
        url="https://receiver.invalid/cb",
    )
    create_endpoint(place.resources, ADMIN, place.app, form)
    live(place)
    place.store(place.event(USER, 1, click_id=place.clicked().click_id))
    held = place.event(USER)
    assert quarantine_event(connection, held, QuarantineReason.KILLED_WORKER, "3 deliveries")
    refused = rejection(app_id=place.app.id, parameters={"user_id": USER})
    redis.xadd(NAMES.rejections, {"r": encode_rejection(refused)})

    shown = preview_erasure(place.resources, place.app, [named]).counts
    record = place.erase(named)

    assert shown["callbacks"] > 2
    assert min(shown.values()) > 0
    assert {name: record.counts.get(name, 0) for name in shown} == shown


ODD = 'Ünï "O\'Neill" \\ ΟΔΥΣΣΕΥΣ'


@pytest.mark.parametrize(
    ("value", "parameter"),
    [
        (ODD, ODD),
        (ODD, ODD.upper()),
        ("erika m", "https://shop.example/?user=Erika%20M&x=1"),
        ("erika m", "user=erika+m&x=%31"),
        ("ä" * 256, "ä" * 100),
        ("x" * 256, "x" * 200),
    ],
)
def test_a_refused_request_goes_in_whatever_form_it_names_the_person(
    place: Place, value: str, parameter: str
) -> None:
    redis, ids = place.bench.redis, PersonId(IdKind.USER, value)
    for text in (parameter, "somebody else"):
        refused = rejection(app_id=place.app.id, parameters={"user_id": text})
        redis.xadd(NAMES.rejections, {"r": encode_rejection(refused)})

    assert place.erase(ids).counts["rejections"] == 1

    assert [each.parameters["user_id"] for each in recent_rejections(redis, 9)] == ["somebody else"]


def test_what_no_version_can_read_is_searched_in_any_case() -> None:
    raw = join_events([encode_event(fresh(user_id=ODD))])

    assert mentions(raw, [PersonId(IdKind.USER, ODD.upper())])
    assert not mentions(raw, [PersonId(IdKind.USER, "nobody")])


def test_the_idempotency_key_of_a_click_goes_with_it_and_does_not_come_back(place: Place) -> None:
    click = place.clicked(device_ids=DEVICES, idempotency_key=KEY)
    place.store(click)
    assert KEY in dump(place.bench.connection)

    place.erase(BY_DEVICE)

    assert KEY not in dump(place.bench.connection)
    assert place.store(place.event("another", idempotency_key=KEY)).erased == 1


def test_the_file_of_a_person_has_clicks_and_callbacks_that_no_user_leads_to(place: Place) -> None:
    form = EndpointForm(
        name="clicks", activities=[Activity.CLICK], url="https://receiver.invalid/cb"
    )
    create_endpoint(place.resources, ADMIN, place.app, form)
    click = place.clicked(device_ids=DEVICES)
    place.store(click, place.clicked(device_ids={"gps_adid": "ab" * 16}))

    file = export_person(place.resources, ADMIN, place.app, [BY_DEVICE])

    assert [each.click_id for each in file.clicks] == [click.click_id]
    assert [each.click_id for each in file.callbacks] == [click.click_id]
    assert file.users == []
