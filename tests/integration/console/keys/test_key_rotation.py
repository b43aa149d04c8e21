"""Tests that everything works through a rotation of the installation's key."""

from dataclasses import replace

import pytest

from console.accounts.api_keys import create_key, find_key
from console.accounts.login_sessions import find_session, open_session
from console.accounts.people import create_person
from console.accounts.second_factor import begin_enrolment, find_factor
from console.actor import Role
from console.apps.apps import App
from console.delivery.endpoint_form import EndpointForm
from console.delivery.endpoint_signing import read_signing
from console.delivery.endpoints import create_endpoint, rotate_secret, secret_of
from console.keys.key_rotation import NotUsedYet, finish_rotation, rotate_key
from console.resources import Resources
from console.security.new_tokens import NewToken, create_token, import_token
from console.security.tokens import revoke_token
from ingest.click_ids import ClickSeal
from ingest.credential_store import CredentialStore, TokenKey
from shared.callbacks.requests import former_signing_key, shown_secret, signing_secret
from shared.clock import now_ms
from shared.errors import OperatorError, Unauthorized
from shared.events import Environment
from shared.ids import click_id_of, new_receipt
from shared.keys.installation_key import InstallationKey
from shared.keys.rehashed_tokens import rehash_commands
from shared.keys.rehashing import store_rehashed_tokens
from shared.privacy.tombstones import read_tombstone_key
from shared.publishing import require_key
from shared.scopes import Scope
from shared.snapshot import decode_snapshot
from shared.tokens import token_digest
from tests.integration.conftest import SECRET_KEY
from tests.support.build import ADMIN
from tests.support.redis_names import NAMES

NEXT = b"the next key of the installation"
BOTH = InstallationKey(NEXT, SECRET_KEY)
CALLBACK = EndpointForm(
    name="bi", activities=("install",), method="POST", url="https://shop.example/told"
)


@pytest.fixture
def both(resources: Resources) -> Resources:
    """The resources of a program that knows the new key and the one before it."""
    return replace(resources, secret_key=BOTH)


@pytest.fixture
def only_next(resources: Resources) -> Resources:
    return replace(resources, secret_key=NEXT)


def ingest_of(resources: Resources, key: bytes) -> CredentialStore:
    """Returns what an ingest process with this key knows now."""
    store = CredentialStore(key, now_ms)
    data = resources.redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    store.use(decode_snapshot(data))
    return store


def report(resources: Resources, store: CredentialStore) -> None:
    """Writes to Redis what an ingest process has to report."""
    with resources.redis.pipeline() as pipeline:
        store.report_rehashed(pipeline, NAMES)  # type: ignore[arg-type] # of the other kind of client
        pipeline.execute()


def use(resources: Resources, secret: str) -> None:
    """Uses a token in ingest, and lets upkeep store what was reported."""
    store = ingest_of(resources, BOTH)
    store.find({secret.encode()})
    report(resources, store)
    store_rehashed_tokens(resources.connection, resources.redis, BOTH)


def test_a_token_moves_to_the_new_key_when_it_is_used_and_works_all_the_time(
    resources: Resources, both: Resources, only_next: Resources, shop: App
) -> None:
    secret = create_token(resources, ADMIN, shop, NewToken("backend")).secret
    ingest_of(resources, BOTH).find({secret.encode()})

    assert rotate_key(both, ADMIN).names() == ["token backend of Shop"]
    in_flight, _ = ingest_of(both, BOTH).find({secret.encode()})
    use(both, secret)
    assert finish_rotation(both, ADMIN, force=False).names() == []

    _, grant = ingest_of(both, BOTH).find({secret.encode()})
    assert grant.app_id == shop.id
    _, same = ingest_of(only_next, NEXT).find({secret.encode()})
    assert same == grant
    assert in_flight not in ingest_of(both, BOTH).snapshot.grants  # type: ignore[union-attr]


def test_a_request_that_waits_in_a_batch_stays_authenticated_when_its_token_moves(
    resources: Resources, both: Resources, shop: App
) -> None:
    secret = create_token(resources, ADMIN, shop, NewToken("backend")).secret
    digests = [ingest_of(resources, BOTH).find({secret.encode()})[0]]
    rotate_key(both, ADMIN)
    digests.append(ingest_of(both, BOTH).find({secret.encode()})[0])

    use(both, secret)
    create_token(both, ADMIN, shop, NewToken("another"))  # publishes

    snapshot = ingest_of(both, BOTH).snapshot
    assert snapshot is not None
    assert [digest in snapshot.grants for digest in digests] == [True, True]


def test_a_request_that_waits_in_a_batch_stays_authenticated_when_the_rotation_is_finished(
    resources: Resources, both: Resources, shop: App
) -> None:
    tokens = {
        name: create_token(resources, ADMIN, shop, NewToken(name)).secret
        for name in ("backend", "idle", "revoked")
    }
    rotate_key(both, ADMIN)
    ingest = ingest_of(both, BOTH)
    waiting = {
        name: TokenKey(ingest.find({secret.encode()})[0], Scope.EVENTS)
        for name, secret in tokens.items()
        if name != "idle"
    }
    report(both, ingest)

    finish_rotation(both, ADMIN, force=True)  # before upkeep has published the new digests
    revoke_token(both, ADMIN, shop, "revoked")
    ingest.use(ingest_of(both, BOTH).snapshot)

    ingest.confirm(waiting["backend"])
    for refused in (
        waiting["revoked"],
        TokenKey(token_digest(SECRET_KEY, tokens["idle"].encode())),
    ):
        with pytest.raises(Unauthorized):
            ingest.confirm(refused)


def test_what_was_not_used_is_named_and_ends_only_by_force(
    resources: Resources, both: Resources, shop: App
) -> None:
    used = create_token(resources, ADMIN, shop, NewToken("used")).secret
    idle = create_token(resources, ADMIN, shop, NewToken("idle")).secret
    create_key(resources.connection, SECRET_KEY, ADMIN, "old", Role.VIEWER)
    rotate_key(both, ADMIN)
    use(both, used)

    with pytest.raises(NotUsedYet, match="token idle of Shop, API key old"):
        finish_rotation(both, ADMIN, force=False)
    ingest_of(both, BOTH).find({idle.encode()})

    assert finish_rotation(both, ADMIN, force=True).names() == [
        "token idle of Shop",
        "API key old",
    ]
    store = ingest_of(both, BOTH)
    store.find({used.encode()})
    with pytest.raises(Unauthorized):
        store.find({idle.encode()})


@pytest.mark.usefixtures("shop")
def test_sessions_and_api_keys_go_on(resources: Resources, both: Resources) -> None:
    connection = resources.connection
    person = create_person(connection, ADMIN, "Ada", Role.ADMIN)
    session = open_session(connection, SECRET_KEY, person)
    issued = create_key(connection, SECRET_KEY, ADMIN, "reports", Role.VIEWER)

    rotate_key(both, ADMIN)

    assert find_session(connection, BOTH, session) == person
    for _ in range(2):
        assert find_key(connection, BOTH, issued.secret)
    finish_rotation(both, ADMIN, force=False)
    assert find_key(connection, NEXT, issued.secret)
    assert find_session(connection, NEXT, session) is None, "they last a week"


def test_clicks_before_the_rotation_name_their_app_and_new_ones_are_sealed_anew(
    resources: Resources, both: Resources, shop: App
) -> None:
    create_token(resources, ADMIN, shop, NewToken("backend"))
    click = ClickSeal(SECRET_KEY).seal(new_receipt(now_ms()), shop.id, Environment.PRODUCTION)

    rotate_key(both, ADMIN)
    finish_rotation(both, ADMIN, force=True)

    seal = ingest_of(resources, NEXT).seal
    owner = (shop.id, Environment.PRODUCTION)
    assert seal.owner(click_id_of(click), [shop.id]) == owner
    new = click_id_of(seal.seal(new_receipt(now_ms()), *owner))
    assert ClickSeal(NEXT).owner(new, [shop.id]) == owner
    assert ClickSeal(SECRET_KEY).owner(new, [shop.id]) is None


def test_partners_verify_callbacks_with_the_secret_that_they_have(
    resources: Resources, both: Resources, only_next: Resources, shop: App
) -> None:
    made = create_endpoint(resources, ADMIN, shop, CALLBACK)
    create_token(resources, ADMIN, shop, NewToken("backend"))
    assert secret_of(both, made.endpoint) == made.secret

    rotate_key(both, ADMIN)
    finish_rotation(both, ADMIN, force=True)

    assert secret_of(only_next, made.endpoint) == made.secret
    assert rotate_secret(only_next, ADMIN, shop, made.endpoint).secret != made.secret


def test_a_secret_that_was_just_replaced_signs_on_under_the_new_key(
    resources: Resources, both: Resources, only_next: Resources, shop: App
) -> None:
    made = create_endpoint(resources, ADMIN, shop, CALLBACK)
    create_token(resources, ADMIN, shop, NewToken("backend"))
    replaced = rotate_secret(resources, ADMIN, shop, made.endpoint)

    def secrets(key: bytes) -> tuple[str, str | None]:
        signing = read_signing(resources.connection, made.endpoint.id)
        former = former_signing_key(key, signing) if signing.former else None
        now = signing_secret(key, made.endpoint.id, signing)
        return now, shown_secret(former) if former else None

    assert secrets(SECRET_KEY) == (replaced.secret, made.secret)
    rotate_key(both, ADMIN)
    finish_rotation(both, ADMIN, force=True)
    assert secrets(only_next.secret_key) == (replaced.secret, made.secret)

    day_ago = "UPDATE callback_endpoints SET rotated_at = now() - interval '25 hours'"
    resources.connection.execute(day_ago)

    assert secrets(only_next.secret_key) == (replaced.secret, None)


def test_the_key_of_tombstones_stays_and_two_rotations_keep_everything(
    resources: Resources, both: Resources, only_next: Resources, shop: App
) -> None:
    made = create_endpoint(resources, ADMIN, shop, CALLBACK)
    create_token(resources, ADMIN, shop, NewToken("backend"))
    tombstones = read_tombstone_key(resources.connection, SECRET_KEY)
    last = b"the last key of the installation"
    rotate_key(both, ADMIN)
    finish_rotation(both, ADMIN, force=True)

    rotate_key(replace(only_next, secret_key=InstallationKey(last, NEXT)), ADMIN)

    assert read_tombstone_key(resources.connection, last) == tombstones
    with pytest.raises(OperatorError):
        read_tombstone_key(resources.connection, SECRET_KEY)
    assert secret_of(replace(resources, secret_key=last), made.endpoint) == made.secret


def test_a_rotation_has_its_order(resources: Resources, both: Resources, shop: App) -> None:
    create_token(resources, ADMIN, shop, NewToken("backend"))
    for too_early in (resources, replace(resources, secret_key=SECRET_KEY)):
        with pytest.raises(OperatorError, match="no new key"):
            rotate_key(too_early, ADMIN)
    with pytest.raises(OperatorError, match="No rotation"):
        finish_rotation(both, ADMIN, force=True)

    rotate_key(both, ADMIN)

    with pytest.raises(OperatorError, match="not finished"):
        rotate_key(both, ADMIN)
    assert require_key(resources.connection, BOTH) == NEXT
    with pytest.raises(OperatorError, match="not the key"):
        require_key(resources.connection, SECRET_KEY)


def test_before_the_rotation_both_keys_publish_what_the_present_one_does(
    resources: Resources, both: Resources, shop: App
) -> None:
    """Programs learn of the new key one after another."""
    secret = create_token(both, ADMIN, shop, NewToken("made early")).secret
    # Of an installation that did not exist before, the newest key is that of the first program.
    resources.connection.execute("DELETE FROM tokens")
    resources.connection.execute("DELETE FROM installation")
    create_token(resources, ADMIN, shop, NewToken("first"))

    secret = create_token(both, ADMIN, shop, NewToken("second")).secret

    ingest_of(both, SECRET_KEY).find({secret.encode()})
    ingest_of(both, BOTH).find({secret.encode()})


def test_a_token_is_one_token_under_either_key(
    resources: Resources, both: Resources, shop: App
) -> None:
    held = "a token that another system made, long enough"
    import_token(resources, ADMIN, shop, NewToken("first"), held)
    rotate_key(both, ADMIN)

    with pytest.raises(OperatorError, match="already in use"):
        import_token(both, ADMIN, shop, NewToken("second"), held)


def test_whoever_can_only_write_to_redis_ends_no_token(
    resources: Resources, both: Resources, shop: App
) -> None:
    issued = create_token(resources, ADMIN, shop, NewToken("backend"))
    rotate_key(both, ADMIN)
    with resources.redis.pipeline() as pipeline:
        rehash_commands(pipeline, NAMES, b"a key of somebody else", {issued.token.id: b"x" * 32})
        pipeline.execute()
    assert resources.redis.hlen(NAMES.tokens_rehashed) == 1

    assert store_rehashed_tokens(resources.connection, resources.redis, BOTH) == 0

    ingest_of(both, BOTH).find({issued.secret.encode()})


@pytest.mark.usefixtures("shop")
def test_authenticators_work_under_the_new_key(resources: Resources, both: Resources) -> None:
    connection = resources.connection
    ada = create_person(connection, ADMIN, "Ada", Role.ADMIN)
    begin_enrolment(connection, SECRET_KEY, ada)
    before = find_factor(connection, SECRET_KEY, ada)

    rotate_key(both, ADMIN)

    assert find_factor(connection, BOTH, ada) == before
    assert find_factor(connection, NEXT, ada) == before
