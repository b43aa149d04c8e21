"""What a request shows at the door, and what it is let in by."""

import pytest
from fakeredis import FakeAsyncRedis, FakeServer, FakeStrictRedis

from ingest.authentication import Authenticator, Credentials, credentials_of
from ingest.credentials import CredentialStore, TokenKey
from ingest.dialects.dialect import Dialect
from ingest.dialects.swaarm import CLICK, POSTBACK
from ingest.gate import Gate, Load, LoadLimits
from ingest.parameters import Sent
from ingest.watch import Watch
from shared.errors import ConflictingValues, MissingField, NotReady, Unauthorized, UnknownLink
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
from tests.unit.ingest.running import publish
from tests.unit.loop import in_loop

VALID = TOKEN.encode()


def claim(query: str, authorization: str | None = None, dialect: Dialect = CLICK) -> Credentials:
    return credentials_of(Sent(query.encode(), b""), authorization, dialect)


def admissions(held: Snapshot, published: Snapshot | None = None) -> Authenticator:
    """Of a process that holds one snapshot while another may be published."""
    server = FakeServer()
    publish(FakeStrictRedis(server=server), published or held)
    grants, gate = CredentialStore(SECRET_KEY, now), Gate(LoadLimits(10, 70))
    grants.take(held)
    gate.answered(Load(0, 0, 0))
    gate.durable = True
    return Authenticator(grants, Watch(FakeAsyncRedis(server=server), grants, gate, strict=True))


@pytest.mark.parametrize("name", ["s2s_token", "token", "s2stoken", "web_token"])
def test_a_token_is_found_under_each_of_its_names_and_in_the_header(name: str) -> None:
    assert claim(f"{name}=t") == Credentials({b"t"}, None)
    assert claim(f"{name}=t", "t") == Credentials({b"t"}, None)
    assert claim(f"{name}=t", "Bearer u") == Credentials({b"t", b"u"}, None)


def test_a_link_is_named_by_two_parameters() -> None:
    assert claim("offer_id=12&pub_id=34") == Credentials(set(), LINK_KEY)
    assert claim("offer_id=12&pub_id=34&offer_id=&token=t") == Credentials({b"t"}, LINK_KEY)
    assert claim("offer_id=%31%32&pub_id=%FF").link == LinkKey("12", "\ufffd")


def test_an_endpoint_without_links_looks_for_none() -> None:
    assert claim("offer_id=12", dialect=POSTBACK) == Credentials(set(), None)


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
        claim(query)

    assert caught.value.field == field
    assert "token" in caught.value.message


def test_two_links_in_one_request_are_refused() -> None:
    with pytest.raises(ConflictingValues) as caught:
        claim("offer_id=12&pub_id=34&pub_id=35")

    assert caught.value.field == "pub_id"


@in_loop
async def test_a_link_lets_a_click_of_its_app_in_for_production() -> None:
    admitted = await admissions(linked(app_id=5)).authenticate(Credentials(set(), LINK_KEY))

    assert admitted.key == LINK_KEY
    assert admitted.grant == grant(token_id=0, app_id=5, environment=Environment.PRODUCTION)
    assert admitted.link == link(app_id=5)


@in_loop
async def test_a_token_lets_in_and_a_link_beside_it_says_only_where_the_click_came_from() -> None:
    sandbox = grant(environment=Environment.SANDBOX)
    door = admissions(linked(snapshot(1, **{TOKEN: sandbox})))

    plain = await door.authenticate(Credentials({VALID}, None))
    through = await door.authenticate(Credentials({VALID}, LINK_KEY))

    assert (plain.key, plain.grant, plain.link) == (TokenKey(digest()), sandbox, None)
    assert (through.key, through.grant, through.link) == (TokenKey(digest()), sandbox, link())


@in_loop
async def test_a_link_of_another_app_is_no_link_for_a_token() -> None:
    with pytest.raises(UnknownLink):
        await admissions(linked(app_id=2)).authenticate(Credentials({VALID}, LINK_KEY))


@in_loop
async def test_a_token_that_is_sent_has_to_be_valid_even_beside_a_link() -> None:
    with pytest.raises(Unauthorized):
        await admissions(linked()).authenticate(Credentials({b"wrong"}, LINK_KEY))
    with pytest.raises(Unauthorized):
        await admissions(linked()).authenticate(Credentials({VALID, b"other"}, LINK_KEY))


@in_loop
async def test_a_link_nobody_knows_is_looked_up_once_more_before_it_is_refused() -> None:
    known = await admissions(snapshot(1), linked(snapshot(2))).authenticate(
        Credentials(set(), LINK_KEY)
    )
    assert known.link == link()

    beside = await admissions(snapshot(1), linked(snapshot(2))).authenticate(
        Credentials({VALID}, LINK_KEY)
    )
    assert beside.link == link()

    with pytest.raises(UnknownLink):
        await admissions(snapshot(1), snapshot(2)).authenticate(Credentials(set(), LINK_KEY))


def test_a_link_that_is_gone_is_not_confirmed() -> None:
    grants = CredentialStore(SECRET_KEY, now)
    with pytest.raises(NotReady):
        grants.confirm(LINK_KEY)

    grants.take(linked())
    grants.confirm(LINK_KEY)
    grants.take(snapshot(2))
    with pytest.raises(UnknownLink):
        grants.confirm(LINK_KEY)


def test_a_snapshot_made_under_another_key_makes_no_link_unknown() -> None:
    grants = CredentialStore(b"another installation key, 32 chr", now)
    grants.take(linked())

    with pytest.raises(NotReady):
        grants.find_link(LINK_KEY)
