"""Erasure: nothing leads to the person any more, every report stays, and nobody comes back."""

from typing import Any

import pytest

from console.apps.apps import create_app
from console.privacy.erasures import (
    ErasureAction,
    allow_again,
    find_erasure,
)
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.device_ids import adid_of
from shared.events import Event
from shared.privacy.identities import IdKind, PersonId, person_id
from shared.recompute import request_recompute
from shared.redis import Redis
from shared.rejections import encode_rejection, recent_rejections
from shared.sdk.known_attributions import (
    KnownAttribution,
    day_keys,
    place_name,
    publish,
    user_name,
)
from shared.seen import device_marker, set_markers
from shared.vocabulary import QuarantineReason
from tests.integration.conftest import SECRET_KEY
from tests.integration.workers.conftest import Bench
from tests.integration.workers.privacy.place import (
    ADDRESS,
    DEVICE,
    HOUR_MS,
    KEY,
    OTHER,
    PHONE,
    TRACES,
    USER,
    Place,
    dump,
    live,
    redis_dump,
)
from tests.support.build import ADMIN, rejection
from tests.support.redis_names import NAMES
from workers.decisions.recompute import recompute
from workers.facts.quarantine import quarantine_event
from workers.privacy import contests
from workers.privacy.erasure import Eraser
from workers.rollups.schedule import roll_up
from workers.rollups.stale_periods import mark_app_stale


@pytest.fixture
def place(bench: Bench, connection: Connection, redis: Redis) -> Place:
    resources = Resources(connection, redis, SECRET_KEY)
    return Place(bench, create_app(resources, ADMIN, "Shop", "abc123def456"), resources)


@pytest.fixture
def life(place: Place) -> list[Event]:
    return live(place)


def _figures(connection: Connection) -> dict[str, list[Any]]:
    while roll_up(connection, 10).more:
        pass
    orders = {
        "figures": "grain, start, event, link_id, source, campaign, currency, country",
        "reach": "grain, start, split, event, partner_id, link_id, source, campaign, country",
        "comebacks": "day, since, days, link_id, source",
        "earnings": "day, first_day, link_id, source, currency, is_ad",
        "traffic": "grain, start, part, link_id, source, campaign, sub_id",
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
    before = dump(connection)
    assert all(trace in before for trace in TRACES)

    record = place.erase(named(life))

    assert record.state == "done"
    assert (record.counts["users"], record.counts["events"]) == (1, 2)
    after = dump(connection)
    traces = [*TRACES, *(click.click_id for click in life[:2] if click.click_id)]
    left = [line for line in after.split("\n") if any(trace in line for trace in traces)]
    assert [line for line in left if "somebody-else" not in line and OTHER not in line] == []
    assert USER.encode() not in redis_dump(redis)
    assert DEVICE.encode() not in redis_dump(redis)


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


def test_an_erasure_leaves_the_refused_requests_of_other_apps(place: Place) -> None:
    """Whoever may send events chooses the ID of a person, such as a word of many requests."""
    redis = place.bench.redis
    for app_id in (place.app.id, place.app.id + 1, None):
        refused = rejection(at_ms=now_ms(), app_id=app_id, parameters={"environment": "sandbox"})
        redis.xadd(NAMES.rejections, {"r": encode_rejection(refused)})
    place.store(place.event("sandbox"))

    record = place.erase(PersonId(IdKind.USER, "sandbox"))

    assert record.counts["rejections"] == 2
    assert [each.app_id for each in recent_rejections(redis, 10)] == [place.app.id + 1]


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
    assert USER not in dump(connection)
    assert DEVICE not in dump(connection)


def test_redis_forgets_what_ingest_noted_of_a_late_event(place: Place) -> None:
    redis = place.bench.redis
    place.erase(PersonId(IdKind.USER, USER))
    late = place.opened(USER)
    environment = late.environment
    set_markers(redis, [device_marker(place.app.id, environment, USER, 1)], late.received_at_ms)
    assert USER.encode() in redis_dump(redis)

    assert place.store(late).erased == 1

    assert USER.encode() not in redis_dump(redis)
    assert redis.exists(NAMES.forgotten_late), "upkeep has the log written anew"


def test_nothing_is_kept_for_the_questions_of_sdks(place: Place, life: list[Event]) -> None:
    redis, click_id = place.bench.redis, life[1].click_id
    assert click_id is not None
    adid = adid_of(place.app.id, USER)
    of_others = user_name(place.app.id, "production", "somebody else's adid")
    entries = {
        user_name(place.app.id, "production", adid): KnownAttribution(1, "organic-looking"),
        place_name(place.app.id, "production", ADDRESS, PHONE): KnownAttribution(
            1, "Partner", click_id=click_id
        ),
        of_others: KnownAttribution(1, "Partner", click_id="another"),
    }
    for days_ago in (0, 1):
        publish(redis, entries, now_ms() - days_ago * 24 * HOUR_MS)

    place.erase(PersonId(IdKind.USER, USER))

    for day in day_keys(NAMES, now_ms()):
        assert list(redis.hgetall(day)) == [of_others]


def test_answers_for_sdks_go_only_where_a_value_is_one_of_the_ids_and_of_this_app(
    place: Place, redis: Redis
) -> None:
    """A user who is called 1 is no reason to delete what has a 1 in it."""
    app = place.app.id
    kept = {
        b"a part of it": KnownAttribution(1, "Partner 1", click_id="click-1", app_id=app),
        b"in a query": KnownAttribution(1, "P", deep_link="shop://x?id=11", app_id=app),
        b"of another app": KnownAttribution(1, "P", click_id="1", app_id=app + 1),
    }
    gone = {
        b"itself": KnownAttribution(1, "P", click_id="1", app_id=app),
        b"of before": KnownAttribution(1, "P", click_id="1"),
        b"a label": KnownAttribution(1, "P", click_label="1", app_id=app),
        b"a value of a query": KnownAttribution(1, "P", deep_link="shop://x?id=1", app_id=app),
        b"a part of a path": KnownAttribution(1, "P", deep_link="shop://x/1/y", app_id=app),
    }
    publish(redis, {**kept, **gone}, now_ms())

    place.erase(PersonId(IdKind.USER, "1"))

    assert set(redis.hgetall(day_keys(NAMES, now_ms())[0])) == set(kept)


def test_a_request_for_access_goes_with_the_person(place: Place) -> None:
    connection = place.bench.connection
    for number, user in enumerate((USER, USER, "another")):
        connection.execute(
            "INSERT INTO access_requests (external_id, app_id, ids) VALUES (%s, %s, %s)",
            (str(number), place.app.id, [f"user:{user}"]),
        )

    place.erase(PersonId(IdKind.USER, USER))

    rows = connection.execute("SELECT external_id FROM access_requests").fetchall()
    assert rows == [("2",)]


@pytest.mark.parametrize("users_at_once", [1, 2, 1_000])
def test_no_decision_about_others_names_a_click_though_nothing_leads_to_them_any_more(
    place: Place, monkeypatch: pytest.MonkeyPatch, users_at_once: int
) -> None:
    monkeypatch.setattr(contests, "USERS_AT_ONCE", users_at_once)
    connection = place.bench.connection
    where = {"ip_address": ADDRESS, "user_agent": PHONE}
    of_erika, of_others = place.clicked(4, **where), place.clicked(3, **where)
    others = [f"other-{number}" for number in range(3)]
    place.store(of_erika, of_others, *(place.opened(user, 2, **where) for user in others))
    connection.execute(
        "UPDATE attributions SET through = %s WHERE user_ref = (SELECT max(id) FROM users)",
        (of_erika.click_id,),
    )
    connection.execute("UPDATE clicks SET ip_address = NULL, address = NULL")
    beaten = "SELECT jsonb_path_query_array(beaten, '$[*].click_id') FROM attributions"
    assert connection.execute(beaten).fetchall() == [([of_erika.click_id],)] * 3

    assert place.erase(person_id(IdKind.CLICK, str(of_erika.click_id))).state == "done"

    assert connection.execute(beaten).fetchall() == [([],)] * 3
    assert str(of_erika.click_id) not in dump(connection)
    credited = connection.execute("SELECT click_id FROM attributions").fetchall()
    assert credited == [(of_others.click_id,)] * 3


def test_the_uses_of_a_click_stay_without_its_id(place: Place, life: list[Event]) -> None:
    connection, click_id = place.bench.connection, life[1].click_id
    for click in (click_id, "a click that nobody knows"):
        connection.execute(
            "INSERT INTO click_uses (app_id, environment, click_id, event_time, user_ref, "
            "is_credited) SELECT app_id, environment, %s, now(), id, true FROM users "
            "WHERE user_id = %s",
            (click, USER),
        )

    place.erase(PersonId(IdKind.USER, USER))

    left = connection.execute(b"SELECT click_id FROM click_uses").fetchall()
    assert click_id not in {click for (click,) in left}
    assert [click.startswith("erased:") for (click,) in left] == [True] * len(left)
    assert left


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

    left = [line for line in dump(connection).split("\n") if USER in line or DEVICE in line]
    assert left == []
