"""Who may send, as one process holds it."""

import pytest
from fakeredis import FakeAsyncRedis, FakeServer, FakeStrictRedis

from ingest.credentials import CredentialStore, TokenKey
from shared.errors import NotReady, Unauthorized
from shared.snapshot import SNAPSHOT_KEY
from tests.support.build import SECRET_KEY, TOKEN, digest, grant, now, snapshot
from tests.unit.ingest.running import publish
from tests.unit.loop import in_loop

VALID = TOKEN.encode()


def holding(**granted: int) -> CredentialStore:
    """Grants to tokens, each for the app given; without any, TOKEN may send."""
    grants = CredentialStore(SECRET_KEY, now)
    grants.take(snapshot(1, **{token: grant(app_id=app) for token, app in granted.items()}))
    return grants


def test_a_token_is_found_with_its_digest_and_its_grant() -> None:
    assert holding(one=1, two=2).find({b"two"}) == (digest("two"), grant(app_id=2))


@pytest.mark.parametrize(
    "tokens", [set(), {b""}, {b"other"}, {VALID[:-1]}, {VALID + b" "}, {VALID.lower()}, {b"\xff"}]
)
def test_a_token_that_is_missing_or_unknown_lets_nobody_in(tokens: set[bytes]) -> None:
    with pytest.raises(Unauthorized):
        holding().find(tokens)


def test_two_different_tokens_let_nobody_in_even_if_both_are_valid() -> None:
    with pytest.raises(Unauthorized):
        holding(one=1, two=2).find({b"one", b"two"})


def test_a_token_of_256_bytes_may_be_valid_and_a_longer_one_is_not_looked_up() -> None:
    assert holding(**{"t" * 256: 1}).find({b"t" * 256})[1].app_id == 1
    with pytest.raises(Unauthorized):
        holding(**{"t" * 257: 1}).find({b"t" * 257})


def test_a_process_without_a_snapshot_is_not_ready_and_refuses_nobody() -> None:
    grants = CredentialStore(SECRET_KEY, now)

    assert grants.version is None
    with pytest.raises(NotReady):
        grants.find({VALID})
    with pytest.raises(NotReady):
        grants.confirm(TokenKey(digest()))


def test_a_snapshot_made_under_another_key_makes_nobody_a_stranger() -> None:
    grants = CredentialStore(b"another installation key, 32 chr", now)
    grants.take(snapshot())

    assert grants.holds_other_key
    with pytest.raises(NotReady):
        grants.find({VALID})


def test_a_revoked_token_is_not_confirmed() -> None:
    grants = holding(one=1, two=2)
    found, _ = grants.find({b"one"})

    grants.take(snapshot(2, two=grant()))

    with pytest.raises(Unauthorized):
        grants.confirm(TokenKey(found))


@in_loop
async def test_what_is_published_is_taken() -> None:
    server = FakeServer()
    redis, grants = FakeAsyncRedis(server=server), CredentialStore(SECRET_KEY, now)
    publish(FakeStrictRedis(server=server), snapshot(7))

    await grants.refresh(redis)

    assert grants.version == 7
    assert not grants.holds_other_key
    assert grants.find({VALID})[1] == grant()
    await redis.aclose()


@in_loop
async def test_when_nothing_is_published_none_is_kept() -> None:
    redis, grants = FakeAsyncRedis(), holding()
    await redis.delete(SNAPSHOT_KEY)

    await grants.refresh(redis)

    assert grants.version is None
    await redis.aclose()
