import pytest

from console.apps import App, create_app
from console.installation import Installation
from console.tokens import create_token, import_token, list_tokens, revoke_token
from shared.errors import OperatorError
from shared.queues import Redis
from shared.snapshot import SNAPSHOT_KEY, Grant, decode_snapshot
from shared.tokens import is_own_form, token_digest


def published(installation: Installation) -> dict[bytes, Grant]:
    data = installation.redis.get(SNAPSHOT_KEY)
    assert isinstance(data, bytes)
    return decode_snapshot(data).grants


def test_a_new_token_is_published_and_only_its_digest_is_kept(
    installation: Installation, shop: App
) -> None:
    made = create_token(installation, shop, "backend", test=False)

    digest = token_digest(installation.secret_key, made.secret.encode())
    assert is_own_form(made.secret)
    assert published(installation)[digest].app_id == shop.id
    stored = installation.connection.execute("SELECT tokens::text FROM tokens").fetchone()
    assert stored is not None
    assert made.secret not in stored[0]
    assert list_tokens(installation.connection, shop) == [made.token]


def test_a_test_token_means_the_sandbox(installation: Installation, shop: App) -> None:
    create_token(installation, shop, "try", test=True)

    assert [grant.environment for grant in published(installation).values()] == ["sandbox"]


def test_a_token_that_a_team_brings_along_is_accepted_as_it_is(
    installation: Installation, shop: App
) -> None:
    import_token(installation, shop, "old", "s2sTokenForTheStoreApp", test=False)

    digest = token_digest(installation.secret_key, b"s2sTokenForTheStoreApp")
    assert digest in published(installation)


def test_a_revoked_token_is_published_no_more_and_stays_listed(
    installation: Installation, shop: App
) -> None:
    create_token(installation, shop, "kept", test=False)
    made = create_token(installation, shop, "backend", test=False)

    revoked = revoke_token(installation, shop, "backend")

    digest = token_digest(installation.secret_key, made.secret.encode())
    assert digest not in published(installation)
    assert len(published(installation)) == 1
    assert not revoked.active
    assert list_tokens(installation.connection, shop)[1] == revoked


def test_revoking_again_changes_nothing(installation: Installation, shop: App) -> None:
    create_token(installation, shop, "backend", test=False)

    first = revoke_token(installation, shop, "backend")

    assert revoke_token(installation, shop, "backend") == first


def test_revoking_an_unknown_token_says_so(installation: Installation, shop: App) -> None:
    with pytest.raises(OperatorError, match="no token of this name"):
        revoke_token(installation, shop, "backend")


def test_a_name_stays_taken_after_its_token_was_revoked(
    installation: Installation, shop: App
) -> None:
    create_token(installation, shop, "backend", test=False)
    revoke_token(installation, shop, "backend")

    with pytest.raises(OperatorError, match="another name"):
        create_token(installation, shop, "backend", test=False)


@pytest.mark.parametrize("holder", ["Shop", "Other"])
def test_a_token_held_elsewhere_is_refused_without_saying_where(
    installation: Installation, shop: App, holder: str
) -> None:
    other = create_app(installation.connection, "Other")
    owner = shop if holder == "Shop" else other
    import_token(installation, owner, "old", "s2sTokenForTheStoreApp", test=False)

    with pytest.raises(OperatorError) as refusal:
        import_token(installation, shop, "new", "s2sTokenForTheStoreApp", test=False)

    assert "already in use" in refusal.value.message
    for told in ("Shop", "Other", "old", "s2s"):
        assert told not in refusal.value.message


def test_a_change_that_cannot_be_published_is_not_made(
    installation: Installation, shop: App, broken_redis: Redis
) -> None:
    create_token(installation, shop, "backend", test=False)
    cut_off = Installation(installation.connection, broken_redis, installation.secret_key)

    with pytest.raises(OperatorError, match="nothing was changed"):
        create_token(cut_off, shop, "new", test=False)
    with pytest.raises(OperatorError, match="nothing was changed"):
        revoke_token(cut_off, shop, "backend")

    (only,) = list_tokens(installation.connection, shop)
    assert only.active


def test_another_installation_key_changes_nothing(installation: Installation, shop: App) -> None:
    create_token(installation, shop, "backend", test=False)
    before = installation.redis.get(SNAPSHOT_KEY)
    other_key = Installation(installation.connection, installation.redis, b"another key" * 3)

    with pytest.raises(OperatorError, match="WAYBILL_SECRET_KEY"):
        create_token(other_key, shop, "new", test=False)

    assert installation.redis.get(SNAPSHOT_KEY) == before
    assert len(list_tokens(installation.connection, shop)) == 1
