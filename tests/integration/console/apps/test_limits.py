"""The limits of an app: what is set, published and refused."""

import pytest
from msgspec import structs

from console.actor import Actor, Role
from console.apps.apps import App, create_app
from console.apps.limits import change_limits, read_limits
from console.apps.settings import change_settings
from console.resources import Resources
from shared.database import Connection, run
from shared.errors import BadValue, NotAllowed, OperatorError
from shared.limits.app_limits import DEFAULT_LIMITS, LIMIT_MAX
from shared.publishing import refresh_snapshot
from shared.redis import Redis
from shared.snapshot import decode_snapshot
from tests.support.build import ADMIN, VIEWER
from tests.support.redis_names import NAMES


def published(redis: Redis, app: App) -> object:
    data = redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    return decode_snapshot(data).apps[app.app_token].limits


def test_a_new_app_has_the_default_limits(connection: Connection, shop: App) -> None:
    assert read_limits(connection, shop) == DEFAULT_LIMITS


def test_what_is_set_is_published_and_the_rest_stays(
    resources: Resources, connection: Connection, shop: App
) -> None:
    other = create_app(resources, ADMIN, "Other")
    change_limits(resources, ADMIN, shop, {"bytes_per_day_max": 10**9})
    change_settings(resources, ADMIN, shop, {"limits": {"address_requests_per_second_max": 0}})

    expected = structs.replace(
        DEFAULT_LIMITS, bytes_per_day_max=10**9, address_requests_per_second_max=0
    )
    assert read_limits(connection, shop) == published(resources.redis, shop) == expected
    assert read_limits(connection, other) == published(resources.redis, other) == DEFAULT_LIMITS
    assert refresh_snapshot(connection, resources.redis, resources.secret_key) is None


def test_a_default_that_is_set_is_not_stored(
    resources: Resources, connection: Connection, shop: App
) -> None:
    change_limits(resources, ADMIN, shop, {"open_requests_per_second_max": 1})
    change_limits(
        resources,
        ADMIN,
        shop,
        {"open_requests_per_second_max": DEFAULT_LIMITS.open_requests_per_second_max},
    )

    assert run(connection, "SELECT limits FROM apps").fetchall() == [({},)]


def test_a_limit_of_a_later_version_is_left_out(
    resources: Resources, connection: Connection, shop: App
) -> None:
    run(connection, "UPDATE apps SET limits = '{\"later_max\": 1}'")

    assert read_limits(connection, shop) == DEFAULT_LIMITS
    change_limits(resources, ADMIN, shop, {"bytes_per_day_max": 5})
    assert published(resources.redis, shop) == structs.replace(DEFAULT_LIMITS, bytes_per_day_max=5)


@pytest.mark.parametrize(
    "wanted",
    [{"bytes_per_day_max": -1}, {"bytes_per_day_max": LIMIT_MAX + 1}, {"none_max": 1}, {"": 1}],
)
def test_what_is_no_limit_changes_nothing(
    resources: Resources, connection: Connection, shop: App, wanted: dict[str, int]
) -> None:
    with pytest.raises(BadValue):
        change_limits(resources, ADMIN, shop, {"bytes_per_second_max": 5, **wanted})

    assert read_limits(connection, shop) == DEFAULT_LIMITS


def test_a_viewer_changes_no_limit(resources: Resources, shop: App) -> None:
    with pytest.raises(NotAllowed):
        change_limits(resources, VIEWER, shop, {"bytes_per_day_max": 5})


def test_an_editor_of_the_app_lowers_limits_and_raises_none(
    resources: Resources, connection: Connection, shop: App
) -> None:
    editor = Actor("console:Mia", Role.ADMIN, shop.id)
    change_limits(resources, ADMIN, shop, {"requests_per_second_max": 100})

    for raised in (
        {"requests_per_second_max": 101},
        {"requests_per_second_max": 0},
        {"open_requests_per_second_max": 0},
        {"requests_per_second_max": 10, "address_bytes_per_second_max": LIMIT_MAX},
    ):
        with pytest.raises(OperatorError, match="only be raised by an admin"):
            change_limits(resources, editor, shop, raised)
    assert read_limits(connection, shop).requests_per_second_max == 100
    change_limits(resources, editor, shop, {"requests_per_second_max": 100})
    change_limits(resources, editor, shop, {"requests_per_second_max": 50})
    change_limits(resources, editor, shop, {"bytes_per_day_max": 10**9})  # from no limit
    assert read_limits(connection, shop).requests_per_second_max == 50
    change_limits(resources, ADMIN, shop, {"requests_per_second_max": 0})
