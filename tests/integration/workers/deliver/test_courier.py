"""Delivery on real stores, to a receiver that answers well, badly, late or not at all."""

import json
import time

import pytest

from shared.privacy.identities import IdKind, PersonId, id_digest
from shared.privacy.tombstone_key import new_wrapped_key, unwrap_key
from tests.integration.conftest import SECRET_KEY
from tests.integration.workers.deliver.conftest import Office
from tests.support.redis_names import NAMES
from workers.deliver.endpoint_load import FAILURES_MAX
from workers.deliver.outbox_claims import ENDPOINT_FAILURES_MAX


def test_what_is_due_arrives_once_under_its_id(office: Office) -> None:
    ids = office.due(office.endpoint("200"), 50)

    office.deliver()
    office.make_due()
    office.deliver()

    assert office.receiver.ids == {str(each): 1 for each in ids}
    assert set(office.states().values()) == {("delivered", 1, None)}


@pytest.mark.parametrize(
    ("path", "state", "status"),
    [
        ("200", "delivered", 200),
        ("204", "delivered", 204),
        ("large", "delivered", 200),
        ("slow", "delivered", 200),
        ("302", "failed", 302),
        ("400", "failed", 400),
        ("404", "failed", 404),
        ("408", "waiting", 408),
        ("425", "waiting", 425),
        ("429", "waiting", 429),
        ("500", "waiting", 500),
        ("503", "waiting", 503),
        ("410", "waiting", 410),
        ("broken", "waiting", None),
        ("noise", "waiting", None),
    ],
)
def test_each_answer_leads_to_its_state(
    office: Office, path: str, state: str, status: int | None
) -> None:
    (callback,) = office.due(office.endpoint(path))

    office.deliver()

    found, attempts, _ = office.states()[callback]
    assert (found, attempts) == (state, 1)
    assert [answered for _, answered in office.outcomes()] == [status]
    assert len(office.receiver.requests) == 1  # no redirect was followed, nothing tried twice


def test_a_retry_carries_the_same_id_and_waits_as_long_as_it_is_asked_to(office: Office) -> None:
    (callback,) = office.due(office.endpoint("429"))

    office.deliver()
    [(wait,)] = office.connection.execute(
        "SELECT extract(epoch FROM due_at - now())::float FROM callbacks"
    ).fetchall()
    office.make_due()
    office.deliver()

    assert 100 < wait <= 121
    assert office.receiver.ids == {str(callback): 2}


def test_an_endpoint_that_is_gone_is_disabled_and_resumed_without_a_loss(office: Office) -> None:
    endpoint = office.endpoint("410", concurrency_max=1)
    ids = office.due(endpoint, 3)
    office.deliver()
    [(reason,)] = office.connection.execute(
        "SELECT disabled_reason FROM callback_endpoints"
    ).fetchall()
    assert reason == "gone"
    assert {state for state, *_ in office.states().values()} == {"waiting"}

    office.connection.execute(
        "UPDATE callback_endpoints SET disabled_at = NULL, url = %s",
        (f"http://receiver.example:{office.receiver.port}/200",),
    )
    office.make_due()
    office.deliver()

    assert {state for state, *_ in office.states().values()} == {"delivered"}
    assert set(office.receiver.ids) == {str(each) for each in ids}


def test_an_endpoint_that_failed_for_a_day_is_disabled(office: Office) -> None:
    endpoint = office.endpoint("500", failures=ENDPOINT_FAILURES_MAX - 1)
    office.connection.execute(
        "UPDATE callback_endpoints SET failing_since = now() - interval '25 hours'"
    )
    office.due(endpoint)

    office.deliver()

    assert office.connection.execute(
        "SELECT disabled_reason FROM callback_endpoints"
    ).fetchall() == [("failing",)]


def test_a_success_ends_a_row_of_failures(office: Office) -> None:
    endpoint = office.endpoint("200", failures=ENDPOINT_FAILURES_MAX + 5)
    office.connection.execute("UPDATE callback_endpoints SET failing_since = now() - interval '2d'")
    office.due(endpoint)

    office.deliver()

    assert office.connection.execute(
        "SELECT failures, failing_since, disabled_at FROM callback_endpoints"
    ).fetchall() == [(0, None, None)]


def test_a_paused_endpoint_is_sent_nothing_until_it_is_resumed(office: Office) -> None:
    endpoint = office.endpoint("200")
    office.connection.execute("UPDATE callback_endpoints SET paused_at = now()")
    office.due(endpoint, 3)
    office.deliver()
    assert office.receiver.requests == []

    office.connection.execute("UPDATE callback_endpoints SET paused_at = NULL")
    office.deliver()

    assert len(office.receiver.requests) == 3


def test_the_breaker_keeps_a_dead_endpoint_from_being_asked_for_everything(office: Office) -> None:
    office.due(office.endpoint("500", concurrency_max=4), 100)

    office.deliver()

    assert len(office.receiver.requests) <= FAILURES_MAX + 4


def test_an_endpoint_that_never_answers_delays_no_other(office: Office) -> None:
    office.due(office.endpoint("never"), 8)
    healthy = office.due(office.endpoint("200"), 200)
    ends_at = time.monotonic() + 2
    office.deliver(is_over=lambda: time.monotonic() > ends_at or _arrived(office) >= 200)

    began = {target for target in office.receiver.targets() if target.startswith("/200")}
    assert len(began) == len(healthy)
    assert time.monotonic() < ends_at + 11


def _arrived(office: Office) -> int:
    return sum(target.startswith("/200") for target in office.receiver.targets())


def test_the_answer_must_contain_what_the_endpoint_says(office: Office) -> None:
    (good,) = office.due(office.endpoint("200", "good", answer_contains="oo"))
    (bad,) = office.due(office.endpoint("200", "bad", answer_contains="success=true"))

    office.deliver()

    states = office.states()
    assert (states[good][0], states[bad][0]) == ("delivered", "failed")


def test_of_a_long_answer_the_first_kib_is_kept(office: Office) -> None:
    office.due(office.endpoint("large"))

    office.deliver()

    [(kept,)] = office.connection.execute("SELECT answer FROM callback_attempts").fetchall()
    assert kept == "o" * 1024


def test_one_worker_delivers_at_a_time(office: Office) -> None:
    office.due(office.endpoint("200"))
    office.redis.set(NAMES.deliver_lease, "another", px=5000)

    office.deliver("one")

    assert office.receiver.requests == []


def test_a_claim_that_lapsed_is_sent_again_under_its_id(office: Office) -> None:
    (callback,) = office.due(office.endpoint("200"))
    office.connection.execute("UPDATE callbacks SET attempts = 1, due_at = now()")

    office.deliver()

    assert office.states()[callback] == ("delivered", 2, None)
    assert office.receiver.ids == {str(callback): 1}


def test_a_limit_per_second_is_kept(office: Office) -> None:
    office.due(office.endpoint("200", rate_max=10), 60)
    began_at = time.monotonic()

    def is_over() -> bool:
        passed = time.monotonic() - began_at
        return (passed > 1.5 and len(office.receiver.requests) >= 10) or passed > 60

    office.deliver(is_over=is_over)

    passed = time.monotonic() - began_at
    assert 10 <= len(office.receiver.requests) <= 13 + 10 * passed, "10 at once, then 10 a second"


def test_a_secret_in_a_url_is_masked_in_the_log(office: Office) -> None:
    url = f"http://receiver.example:{office.receiver.port}/200?api_key=hunter2&id={{nonce}}"
    office.due(office.endpoint("200", url=url))

    office.deliver()

    [(request,)] = office.connection.execute("SELECT request FROM callback_attempts").fetchall()
    assert "hunter2" not in request
    assert "api_key=***" in request
    assert "hunter2" in office.receiver.targets()[0]


@pytest.mark.parametrize(
    ("identity", "choice", "state"),
    [
        (PersonId(IdKind.USER, "ann"), (False, {}), ("withheld", 0, "sharing_disabled")),
        (PersonId(IdKind.USER, "bob"), (False, {}), ("delivered", 1, None)),
        (PersonId(IdKind.USER, "ann"), (True, {}), ("delivered", 1, None)),
        (
            PersonId(IdKind.USER, "ann"),
            (None, {"all": {"event": False}}),
            ("withheld", 0, "sharing_disabled"),
        ),
        (PersonId(IdKind.USER, "ann"), (None, {"all": {"click": False}}), ("delivered", 1, None)),
    ],
)
def test_a_partner_hears_nothing_that_the_owner_of_a_device_does_not_share(
    office: Office,
    identity: PersonId,
    choice: tuple[bool | None, dict[str, dict[str, bool]]],
    state: tuple[str, int, str | None],
) -> None:
    run = office.connection.execute
    wrapped = new_wrapped_key(SECRET_KEY)
    run(
        "INSERT INTO installation (id, key_check, tombstone_key) VALUES (1, '', %(key)s)"
        " ON CONFLICT (id) DO UPDATE SET tombstone_key = %(key)s",
        {"key": wrapped},
    )
    digest = id_digest(unwrap_key(SECRET_KEY, wrapped), office.app_id, identity)
    run(
        "INSERT INTO sharing_choices (digest, app_id, is_shared, partners, chosen_at)"
        " VALUES (%s, %s, %s, %s, now())",
        (digest, office.app_id, choice[0], json.dumps(choice[1])),
    )
    [(partner,)] = run("INSERT INTO partners (name) VALUES ('Acme') RETURNING id").fetchall()
    [(user,)] = run(
        "INSERT INTO users (app_id, environment, user_id) VALUES (%s, 'production', 'ann')"
        " RETURNING id",
        (office.app_id,),
    ).fetchall()
    (told,) = office.due(office.endpoint("200", "partner", partner_id=partner))
    (own,) = office.due(office.endpoint("200", "own"))
    run("UPDATE callbacks SET user_ref = %s", (user,))

    office.deliver()

    assert office.states() == {told: state, own: ("delivered", 1, None)}
