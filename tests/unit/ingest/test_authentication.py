"""Credentials of a request, its authentication, and the tokens that one process knows."""

import pytest

from ingest.authentication import Authenticator, Credentials, credentials_of
from ingest.credential_store import CredentialStore, TokenKey
from ingest.dialects.dialect import Dialect
from ingest.dialects.swaarm.click import CLICK
from ingest.dialects.swaarm.postback import POSTBACK
from ingest.gate import Gate, Load, LoadLimits
from ingest.parameters import RawParameters
from ingest.watch import Watch
from shared.errors import MissingField, NotReady, Unauthorized, UnknownLink
from shared.events import Environment
from shared.snapshot import LinkKey, Snapshot
from tests.support.build import (
    LINK_KEY,
    SECRET_KEY,
    TOKEN,
    digest,
    grant,
    link,
    linked,
    now,
    snapshot,
)
from tests.support.fake_redis import FakeAsyncRedis, FakeServer, FakeStrictRedis
from tests.support.redis_names import NAMES
from tests.unit.ingest.harness import publish
from tests.unit.loop import in_loop

VALID = TOKEN.encode()


def credentials(
    query: str, authorization: str | None = None, dialect: Dialect = CLICK
) -> Credentials:
    return credentials_of(RawParameters(query.encode(), b""), authorization, dialect)


def authenticator(held: Snapshot, published: Snapshot | None = None) -> Authenticator:
    """Builds one that holds a snapshot while another may be published."""
    server = FakeServer()
    publish(FakeStrictRedis(server=server), published or held)
    store, gate = CredentialStore(SECRET_KEY, now), Gate(LoadLimits(10, 70))
    store.use(held)
    gate.note_load(Load(0, 0, 0))
    gate.durable = True
    watch = Watch(FakeAsyncRedis(server=server), store, gate, strict=True)
    return Authenticator(store, watch.catch_up)


@pytest.mark.parametrize("name", ["s2s_token", "token", "s2stoken", "web_token"])
def test_a_token_is_found_under_each_of_its_names_and_in_the_header(name: str) -> None:
    for header, tokens in ((None, {b"t"}), ("t", {b"t"}), ("Bearer u", {b"t", b"u"})):
        assert credentials(f"{name}=t", header) == Credentials(tokens, None, takes_sdk=True)


def test_a_link_is_named_by_two_parameters() -> None:
    assert credentials("offer_id=12&pub_id=34") == Credentials(set(), LINK_KEY)
    assert credentials("offer_id=12&pub_id=34&offer_id=&token=t") == Credentials({b"t"}, LINK_KEY)
    assert credentials("offer_id=%31%32&pub_id=%FF").link == LinkKey("12", "\ufffd")


def test_a_link_may_have_any_word_as_its_name_and_keeps_it_beside_another() -> None:
    for appended in ("777", "{sub}", "%7Bsub%7D"):
        shown = credentials(f"offer_id=12&pub_id=default&pub_id={appended}")
        assert shown.link == LinkKey("12", "default")
    assert credentials("offer_id=12&pub_id={sub}&pub_id=default").link == LinkKey("12", "default")


def test_an_endpoint_without_links_looks_for_none() -> None:
    assert credentials("offer_id=12", dialect=POSTBACK) == Credentials(set(), None)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "offer_id"),
        ("token=&offer_id=", "offer_id"),
        ("pub_id=34", "offer_id"),
        ("offer_id=12", "pub_id"),
        ("offer_id=12&pub_id=", "pub_id"),
        ("token=t&offer_id=12", "pub_id"),
        ("token=t&pub_id=34", "offer_id"),
    ],
)
def test_half_a_link_is_none_and_the_other_half_is_named(query: str, field: str) -> None:
    with pytest.raises(MissingField) as caught:
        credentials(query)

    assert caught.value.field == field
    assert "token" in caught.value.message


@pytest.mark.parametrize(
    "query",
    [
        "offer_id=12&pub_id=34&pub_id=35&offer_id=99",
        "offer_id=12&pub_id=34&pub_id={pub}",
        "offer_id={offer}&offer_id=12&pub_id=34&pub_id=%FF",
        "offer_id=12&pub_id=&pub_id=%2034&pub_id=35",
    ],
)
def test_of_two_links_in_one_request_the_first_counts(query: str) -> None:
    assert credentials(query).link == LINK_KEY


@in_loop
async def test_a_link_lets_a_click_of_its_app_in_for_production() -> None:
    admitted = await authenticator(linked(app_id=5)).authenticate(Credentials(set(), LINK_KEY))

    assert admitted.key == LINK_KEY
    assert admitted.grant == grant(token_id=0, app_id=5, environment=Environment.PRODUCTION)
    assert admitted.link == link(app_id=5)


@in_loop
async def test_a_token_lets_in_and_a_link_beside_it_says_only_where_the_click_came_from() -> None:
    sandbox = grant(environment=Environment.SANDBOX)
    auth = authenticator(linked(snapshot(1, **{TOKEN: sandbox})))

    plain = await auth.authenticate(Credentials({VALID}, None))
    through = await auth.authenticate(Credentials({VALID}, LINK_KEY))

    assert (plain.key, plain.grant, plain.link) == (TokenKey(digest()), sandbox, None)
    assert (through.key, through.grant, through.link) == (TokenKey(digest()), sandbox, link())


@in_loop
async def test_a_program_is_told_that_a_link_is_none_of_its_tokens_app() -> None:
    with pytest.raises(UnknownLink):
        await authenticator(linked(app_id=2)).authenticate(
            Credentials({VALID}, LINK_KEY, by_program=True)
        )


TOKENS_THAT_ARE_NONE = [{b"wrong"}, {VALID, b"other"}, {b"x" * 300}]


@pytest.mark.parametrize("tokens", TOKENS_THAT_ARE_NONE)
@in_loop
async def test_a_token_that_is_none_keeps_nobody_from_a_link_and_grants_nothing(
    tokens: set[bytes],
) -> None:
    found = await authenticator(linked()).authenticate(Credentials(tokens, LINK_KEY))

    assert (found.link, found.is_stranger) == (link(), True)


@pytest.mark.parametrize("tokens", TOKENS_THAT_ARE_NONE)
@in_loop
async def test_a_token_that_is_none_is_refused_where_a_program_asks_or_no_link_is_found(
    tokens: set[bytes],
) -> None:
    with pytest.raises(Unauthorized):
        await authenticator(linked()).authenticate(Credentials(tokens, LINK_KEY, by_program=True))
    with pytest.raises(Unauthorized):
        await authenticator(linked()).authenticate(Credentials(tokens, LinkKey("9", "9")))


@in_loop
async def test_a_token_of_another_app_leaves_the_click_to_the_link() -> None:
    found = await authenticator(linked(app_id=2)).authenticate(Credentials({VALID}, LINK_KEY))

    assert (found.grant.app_id, found.is_stranger) == (2, True)


@in_loop
async def test_a_link_nobody_knows_is_looked_up_once_more_before_it_is_refused() -> None:
    known = await authenticator(snapshot(1), linked(snapshot(2))).authenticate(
        Credentials(set(), LINK_KEY)
    )
    assert known.link == link()

    beside = await authenticator(snapshot(1), linked(snapshot(2))).authenticate(
        Credentials({VALID}, LINK_KEY)
    )
    assert beside.link == link()

    with pytest.raises(UnknownLink):
        await authenticator(snapshot(1), snapshot(2)).authenticate(Credentials(set(), LINK_KEY))


def test_a_link_that_is_gone_is_not_confirmed() -> None:
    store = CredentialStore(SECRET_KEY, now)
    with pytest.raises(NotReady):
        store.confirm(LINK_KEY)

    store.use(linked())
    store.confirm(LINK_KEY)
    store.use(snapshot(2))
    with pytest.raises(UnknownLink):
        store.confirm(LINK_KEY)


def test_a_snapshot_made_under_another_key_makes_no_link_unknown() -> None:
    store = CredentialStore(b"another installation key, 32 chr", now)
    store.use(linked())

    with pytest.raises(NotReady):
        store.find_link(LINK_KEY)


def test_without_a_snapshot_links_are_found_as_last_known_and_tokens_are_not() -> None:
    store = CredentialStore(SECRET_KEY, now)
    store.use(linked())
    store.use(None)

    assert store.find_link(LINK_KEY) == link()
    with pytest.raises(NotReady):
        store.find({VALID})


@in_loop
async def test_without_a_snapshot_a_token_beside_a_link_keeps_nobody_from_it() -> None:
    store = CredentialStore(SECRET_KEY, now)
    store.use(linked())
    store.use(None)
    watch = Watch(FakeAsyncRedis(), store, Gate(LoadLimits(10, 70)), strict=True)
    without = Authenticator(store, watch.catch_up)

    principal = await without.authenticate(credentials("offer_id=12&pub_id=34&token=t"))
    assert (principal.link, principal.is_stranger) == (link(), True)
    with pytest.raises(NotReady):
        await without.authenticate(credentials("offer_id=12&pub_id=34&token=t&no_redirect=true"))


def holding(**granted: int) -> CredentialStore:
    """Holds grants to tokens, each for the app given; without any, TOKEN may send."""
    store = CredentialStore(SECRET_KEY, now)
    store.use(snapshot(1, **{token: grant(app_id=app) for token, app in granted.items()}))
    return store


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
    store = CredentialStore(SECRET_KEY, now)

    assert store.version is None
    with pytest.raises(NotReady):
        store.find({VALID})
    with pytest.raises(NotReady):
        store.confirm(TokenKey(digest()))


def test_a_snapshot_made_under_another_key_makes_nobody_a_stranger() -> None:
    store = CredentialStore(b"another installation key, 32 chr", now)
    store.use(snapshot())

    assert store.holds_other_key
    with pytest.raises(NotReady):
        store.find({VALID})


def test_a_revoked_token_is_not_confirmed() -> None:
    store = holding(one=1, two=2)
    found, _ = store.find({b"one"})

    store.use(snapshot(2, two=grant()))

    with pytest.raises(Unauthorized):
        store.confirm(TokenKey(found))


@in_loop
async def test_what_is_published_is_taken() -> None:
    server = FakeServer()
    redis, store = FakeAsyncRedis(server=server), CredentialStore(SECRET_KEY, now)
    publish(FakeStrictRedis(server=server), snapshot(7))

    await store.refresh(redis)

    assert store.version == 7
    assert not store.holds_other_key
    assert store.find({VALID})[1] == grant()
    await redis.aclose()


@in_loop
async def test_when_nothing_is_published_none_is_kept() -> None:
    redis, store = FakeAsyncRedis(), holding()
    await redis.delete(NAMES.snapshot)

    await store.refresh(redis)

    assert store.version is None
    await redis.aclose()
