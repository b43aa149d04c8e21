"""Requests of other systems about people's data: OpenDSR, and Adjust's reset of a test device."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import falcon
import pytest
from falcon import testing

from console.accounts.api_keys import KeyLimits, create_key
from console.actor import Role
from console.apps.apps import App, create_app
from console.audit import list_changes
from console.privacy.access_requests import request_access
from console.privacy.erasures import (
    WantedErasure,
    find_external,
    list_erasures,
    request_erasure,
)
from console.resources import Resources
from shared.clock import now_ms
from shared.database import Connection
from shared.privacy.identities import IdKind, person_id
from tests.integration.conftest import SECRET_KEY
from tests.integration.console.web.conftest import ON_ONE_PAIR
from tests.integration.counted import store
from tests.integration.fresh import fresh
from tests.support.build import ADMIN

pytestmark = ON_ONE_PAIR
Console = falcon.App[falcon.Request, falcon.Response]
Send = Callable[..., testing.Result]
PATHS = ("/requests", "/v1/requests", "/api/gdpr/v1/opendsr_requests")
DEVICE = "38400000-8cf0-11bd-b23e-10b96e40000d"


def wanted(**changes: Any) -> dict[str, Any]:
    identity = {"identity_type": "ios_advertising_id", "identity_value": DEVICE}
    usual = {
        "subject_request_id": str(uuid4()),
        "subject_request_type": "erasure",
        "submitted_time": "2026-10-02T15:00:00Z",
        "subject_identities": [{**identity, "identity_format": "raw"}],
        "property_id": "Shop",
    }
    return {**usual, **changes}


@pytest.fixture
def send(console: Console, connection: Connection) -> Send:
    secret = create_key(connection, SECRET_KEY, ADMIN, "requests", Role.ADMIN).secret

    def send(
        method: str, path: str, body: object = None, header: str = f"Bearer {secret}", **rest: Any
    ) -> testing.Result:
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        return testing.TestClient(console).simulate_request(
            method, path, headers={"Authorization": header}, body=text, **rest
        )

    return send


@pytest.mark.parametrize("path", PATHS)
def test_an_erasure_is_received_shown_and_received_only_once(
    send: Send, shop: App, connection: Connection, path: str
) -> None:
    request = wanted()

    received = send("POST", path, request)
    again = send("POST", path, request)
    shown = send("GET", f"{path}/{request['subject_request_id']}")

    assert (received.status_code, again.status_code) == (201, 201)
    assert received.json["subject_request_id"] == request["subject_request_id"]
    assert received.json["received_time"] < received.json["expected_completion_time"]
    assert (shown.status_code, shown.json["request_status"]) == (200, "pending")
    (record,) = list_erasures(connection, shop, 10)
    assert (record.action, record.external_id) == ("erase", request["subject_request_id"])


def test_the_path_that_a_large_client_posts_to_is_understood(send: Send, shop: App) -> None:
    request = wanted(property_id=shop.app_token)

    assert send("POST", "/api/gdpr/v1/opendsr_request", request).status_code == 201


def test_a_request_is_cancelled_until_a_worker_has_begun_it(
    send: Send,
    shop: App,  # noqa: ARG001 - the app that is named
    connection: Connection,
) -> None:
    first, second = wanted(), wanted()
    for request in (first, second):
        assert send("POST", PATHS[0], request).status_code == 201
    connection.execute(
        "UPDATE erasures SET state = 'running' WHERE external_id = %s",
        (second["subject_request_id"],),
    )

    cancelled = send("DELETE", f"{PATHS[0]}/{first['subject_request_id']}")
    late = send("DELETE", f"{PATHS[0]}/{second['subject_request_id']}")

    assert (cancelled.status_code, late.status_code) == (202, 400)
    shown = [
        send("GET", f"{PATHS[0]}/{request['subject_request_id']}").json["request_status"]
        for request in (first, second)
    ]
    assert shown == ["cancelled", "in_progress"]


def test_an_unknown_app_has_the_code_that_clients_look_for(
    send: Send,
    shop: App,  # noqa: ARG001 - another app
) -> None:
    refused = send("POST", PATHS[2], wanted(property_id="123456789"))

    assert refused.status_code == 400
    assert (refused.json["error"]["code"], refused.json["error"]["af_gdpr_code"]) == (400, "e411")


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_request_id": "not a uuid"},
        {"subject_request_type": "rectification"},
        {"subject_identities": []},
        {"subject_identities": [{"identity_type": "unheard of", "identity_value": "x"}]},
        {
            "subject_identities": [
                {
                    "identity_type": "email",
                    "identity_value": "ab" * 16,
                    "identity_format": "md5",
                }
            ]
        },
        {"subject_identities": [{"identity_type": "ios_advertising_id", "identity_value": "0"}]},
        {"subject_identities": "nobody"},
    ],
)
def test_what_is_not_supported_is_refused_and_nothing_is_requested(
    send: Send, shop: App, connection: Connection, changes: dict[str, Any]
) -> None:
    assert send("POST", PATHS[0], wanted(**changes)).status_code == 400
    assert list_erasures(connection, shop, 10) == []


def test_the_stub_checks_a_request_and_does_nothing(
    send: Send, shop: App, connection: Connection
) -> None:
    assert send("POST", "/api/gdpr/v1/stub", wanted()).status_code == 201
    assert send("POST", "/api/gdpr/v1/stub", wanted(property_id="none")).status_code == 400
    assert list_erasures(connection, shop, 10) == []


def test_without_a_key_that_may_change_something_nothing_is_served(
    send: Send, shop: App, connection: Connection
) -> None:
    reader = create_key(connection, SECRET_KEY, ADMIN, "reader", Role.VIEWER).secret
    calls = (
        ("POST", PATHS[0], wanted()),
        ("GET", f"{PATHS[0]}/{uuid4()}", None),
        ("DELETE", f"{PATHS[0]}/{uuid4()}", None),
        ("POST", "/device_service/api/v1/forget_device", {"advertising_id": DEVICE}),
    )
    for method, path, body in calls:
        assert send(method, path, body, header="Bearer wbk_unknown").status_code == 401
        assert send(method, path, body, header=f"Bearer {reader}").status_code == 403
    assert list_erasures(connection, shop, 10) == []


def test_a_request_is_not_taken_for_one_that_another_app_received(
    send: Send,
    shop: App,  # noqa: ARG001 - the app of the first request
    resources: Resources,
    connection: Connection,
) -> None:
    other = create_app(resources, ADMIN, "Other", "other1234567")
    request = wanted()

    first = send("POST", PATHS[0], request)
    second = send("POST", PATHS[0], request | {"property_id": "Other"})

    assert (first.status_code, second.status_code) == (201, 400)
    assert first.json["received_time"] not in second.text
    assert list_erasures(connection, other, 10) == []


@pytest.mark.parametrize("reference", ["app_token", "id"])
def test_an_app_that_is_named_like_anothers_token_or_number_gets_none_of_its_requests(
    send: Send, shop: App, resources: Resources, connection: Connection, reference: str
) -> None:
    """An editor of an app chooses its name, and no app token."""
    # Apps are listed by name: this one comes first.
    connection.execute("UPDATE apps SET name = 'zebra' WHERE id = %s", (shop.id,))
    named = str(getattr(shop, reference))
    other = create_app(resources, ADMIN, named, "other1234567")
    request = wanted(property_id=named)

    assert send("POST", PATHS[0], request).status_code == 201
    assert len(list_erasures(connection, shop, 10)) == 1
    assert list_erasures(connection, other, 10) == []
    shown = send("DELETE", f"{PATHS[0]}/{request['subject_request_id']}")
    assert (shown.status_code, shown.json["controller_id"]) == (202, "zebra")


def test_a_key_for_one_app_erases_in_no_other(
    send: Send, shop: App, resources: Resources, connection: Connection
) -> None:
    other = create_app(resources, ADMIN, "Other", "other1234567")
    limits = KeyLimits(app_id=other.id)
    key = create_key(connection, SECRET_KEY, ADMIN, "one", Role.ADMIN, limits).secret

    refused = send("POST", PATHS[0], wanted(), header=f"Bearer {key}")
    allowed = send("POST", PATHS[0], wanted(property_id="Other"), header=f"Bearer {key}")

    assert (refused.status_code, allowed.status_code) == (403, 201)
    assert list_erasures(connection, shop, 10) == []


def test_what_is_supported_is_known_without_a_key(send: Send) -> None:
    for path in ("/discovery", "/v1/discovery", "/api/gdpr/v1/discovery"):
        shown = send("GET", path, header="")
        assert shown.status_code == 200
        assert shown.json["supported_subject_request_types"] == [
            *("erasure", "access", "portability")
        ]
        assert {"identity_type": "email", "identity_format": "raw"} in shown.json[
            "supported_identities"
        ]


@pytest.mark.parametrize("place", ["query", "form", "json"])
def test_a_test_device_is_reset_as_adjusts_device_api_does(
    send: Send, shop: App, connection: Connection, place: str
) -> None:
    path, values = (
        "/device_service/api/v1/forget_device",
        {
            "app_token": shop.app_token,
            "advertising_id": "1234-5678-9012-3456",
        },
    )
    if place == "query":
        answer = send("POST", path, params=values)
    elif place == "json":
        answer = send("POST", path, values)
    else:
        answer = send("POST", path, urlencode(values))

    assert answer.status_code == 200
    assert [record.action for record in list_erasures(connection, shop, 10)] == ["reset"]


@pytest.mark.parametrize("kind", ["access", "portability"])
@pytest.mark.parametrize("path", PATHS)
def test_what_is_stored_is_asked_for_and_fetched(
    send: Send, shop: App, connection: Connection, path: str, kind: str
) -> None:
    store(connection, fresh(app_id=shop.id, user_id="4711", ip_address="81.2.69.142"))
    identity = {"identity_type": "controller_customer_id", "identity_value": "4711"}
    request = wanted(subject_request_type=kind, subject_identities=[identity])

    received = send("POST", path, request)
    again = send("POST", path, request)
    shown = send("GET", f"{path}/{request['subject_request_id']}")
    results = send("GET", shown.json["results_url"].removeprefix("http://console.test"))
    fetched = send("GET", f"/api/gdpr/v1/download/{request['subject_request_id']}")

    assert (received.status_code, again.status_code) == (201, 201)
    assert shown.json["request_status"] == "completed"
    assert results.json == fetched.json
    assert results.json["app"] == "Shop"
    assert results.json["users"][0]["user_id"] == "4711"
    assert "81.2.69.142" in results.text
    assert list_erasures(connection, shop, 10) == []
    actions = [change.action for change in list_changes(connection, shop.id, 9)]
    assert actions.count("user.access_request") == 1
    assert actions.count("user.export") == 2


@pytest.mark.usefixtures("shop")
def test_a_request_for_access_is_forgotten_when_it_is_cancelled(send: Send) -> None:
    request = wanted(subject_request_type="access")
    path = f"{PATHS[0]}/{request['subject_request_id']}"
    send("POST", PATHS[0], request)

    assert send("DELETE", path).status_code == 202
    assert send("GET", path).status_code == 404
    assert send("GET", f"{path}/results").status_code == 404


@pytest.mark.usefixtures("shop")
def test_of_nobody_there_is_nothing_to_fetch(send: Send) -> None:
    request = wanted(subject_request_type="access")
    send("POST", PATHS[0], request)

    fetched = send("GET", f"{PATHS[0]}/{request['subject_request_id']}/results")
    assert fetched.status_code == 422
    assert "Nothing of this person is stored" in fetched.text


@pytest.mark.usefixtures("shop")
def test_one_id_is_one_request(send: Send) -> None:
    request = wanted()
    assert send("POST", PATHS[0], request).status_code == 201

    assert send("POST", PATHS[0], request | {"subject_request_type": "access"}).status_code == 400
    assert send("POST", PATHS[0], wanted(subject_request_type="rectification")).status_code == 400


@pytest.mark.usefixtures("shop")
def test_a_key_for_another_app_sees_and_fetches_no_request_for_access(
    send: Send, resources: Resources, connection: Connection
) -> None:
    other = create_app(resources, ADMIN, "Other", "other1234567")
    limits = KeyLimits(app_id=other.id)
    key = create_key(connection, SECRET_KEY, ADMIN, "one", Role.ADMIN, limits).secret
    request = wanted(subject_request_type="access")
    send("POST", PATHS[0], request)
    path = f"{PATHS[0]}/{request['subject_request_id']}"

    for method, each in (("GET", path), ("GET", f"{path}/results"), ("DELETE", path)):
        assert send(method, each, header=f"Bearer {key}").status_code == 403
    assert send("GET", path).status_code == 200


@pytest.mark.parametrize("kind", ["erasure", "access"])
@pytest.mark.parametrize("first", ["erasure", "access"])
def test_the_same_id_twice_at_once_is_one_request(
    send: Send, shop: App, resources: Resources, first: str, kind: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The other request is stored between the look for it and the own attempt to store one."""
    request = wanted(subject_request_type=kind)
    external_id = request["subject_request_id"]
    place = "console.web.api.opendsr.find_external"

    def look_and_be_late(connection: Connection, wanted_id: str) -> object:
        found = find_external(connection, wanted_id)
        monkeypatch.setattr(place, find_external)
        ids = [person_id(IdKind.DEVICE, DEVICE)]
        if first == "erasure":
            erasure = WantedErasure(ids, external_id=external_id)
            request_erasure(resources, ADMIN, shop, erasure, now_ms())
        else:
            request_access(connection, ADMIN, shop, external_id, ids)
        return found

    monkeypatch.setattr(place, look_and_be_late)
    taken = send("POST", PATHS[0], request)

    assert taken.status_code == (201 if first == kind else 400)
    [(erasures, accesses)] = resources.connection.execute(
        "SELECT (SELECT count(*) FROM erasures), (SELECT count(*) FROM access_requests)"
    ).fetchall()
    assert (erasures, accesses) == ((1, 0) if first == "erasure" else (0, 1))
