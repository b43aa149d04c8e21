"""Requests about people's data are taken in, whatever others wait beside them."""

import logging

import pytest

from shared.database import Connection
from shared.privacy.identities import IdKind, PersonId
from shared.privacy.requests import ADD, PrivacyAction, PrivacyRequest, add_arguments, add_keys
from shared.privacy.sharing import PARTNERS_MAX
from shared.publishing import require_key
from shared.redis import Redis
from tests.integration.conftest import SECRET_KEY
from tests.support.redis_names import NAMES
from workers.privacy.intake import take_in_requests

IDS = [PersonId(IdKind.DEVICE, "ab" * 16)]


def asked(action: PrivacyAction, at_ms: int = 7, **changes: object) -> PrivacyRequest:
    values = {"action": action, "app_id": 1, "source": "adjust:/x", "ids": IDS, "at_ms": at_ms}
    return PrivacyRequest(**{**values, **changes})  # type: ignore[arg-type]


def add(redis: Redis, *requests: PrivacyRequest) -> None:
    for request in requests:
        redis.register_script(ADD)(keys=add_keys(NAMES), args=add_arguments(request, []))


@pytest.mark.parametrize("name", ["a\0b", "\0"])
def test_a_choice_that_cannot_be_stored_keeps_nobody_else_waiting(
    connection: Connection, redis: Redis, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    require_key(connection, SECRET_KEY)
    add(
        redis,
        asked(PrivacyAction.SHARING, partners={name: {"all": False}}),
        asked(PrivacyAction.FORGET),
    )

    with caplog.at_level(logging.ERROR):
        assert take_in_requests(connection, redis, SECRET_KEY) == 1

    assert connection.execute(b"SELECT count(*) FROM erasures").fetchone() == (1,)
    assert redis.xlen(NAMES.privacy_requests) == 0
    assert "22P05" in caplog.text


def test_what_is_of_another_version_waits_for_it_and_the_rest_does_not(
    connection: Connection, redis: Redis
) -> None:
    require_key(connection, SECRET_KEY)
    for number in range(150):
        redis.xadd(NAMES.privacy_requests, {"r": b'{"action":"new"}' if number % 2 else b"["})
    add(redis, asked(PrivacyAction.FORGET))

    assert take_in_requests(connection, redis, SECRET_KEY) == 1

    assert connection.execute(b"SELECT count(*) FROM erasures").fetchone() == (1,)
    assert redis.xlen(NAMES.privacy_requests) == 150


def test_a_row_of_choices_does_not_grow_with_every_request(
    connection: Connection, redis: Redis
) -> None:
    require_key(connection, SECRET_KEY)
    for at_ms in range(3):
        partners = {f"{at_ms}-{number}": {"all": False} for number in range(PARTNERS_MAX - 1)}
        add(redis, asked(PrivacyAction.SHARING, at_ms, partners=partners, is_on=bool(at_ms)))
    add(redis, asked(PrivacyAction.SHARING, 9, partners={"0-1": {"all": True}}))

    assert take_in_requests(connection, redis, SECRET_KEY) == 4

    rows = connection.execute(b"SELECT is_shared, partners FROM sharing_choices").fetchall()
    ((is_shared, partners),) = rows
    assert is_shared
    assert len(partners) == PARTNERS_MAX - 1
    assert partners["0-1"] == {"all": True}
