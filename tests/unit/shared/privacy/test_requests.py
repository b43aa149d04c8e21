"""Requests about a device's data wait in Redis until they are taken in."""

from shared.privacy.identities import IdKind, PersonId
from shared.privacy.requests import (
    ADD,
    PrivacyAction,
    PrivacyRequest,
    add_arguments,
    add_keys,
    delete_request,
    has_waiting_requests,
    waiting_requests,
)
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES


def test_a_request_waits_until_it_is_deleted_and_its_ids_are_refused_at_once() -> None:
    redis = FakeStrictRedis()
    request = PrivacyRequest(
        action=PrivacyAction.FORGET,
        app_id=1,
        source="adjust:/gdpr_forget_device",
        ids=[PersonId(IdKind.DEVICE, "device")],
        at_ms=7,
    )

    redis.register_script(ADD)(keys=add_keys(NAMES), args=add_arguments(request, [b"digest"]))

    ((entry_id, waiting),) = waiting_requests(redis)
    assert waiting == request
    assert redis.smembers(NAMES.forgotten) == {b"digest"}
    delete_request(redis, entry_id)
    assert not has_waiting_requests(redis)
    assert redis.scard(NAMES.forgotten) == 1
