"""Who is limited, by what, and who is not."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec import structs

from ingest.authentication import Principal
from ingest.credential_store import CredentialStore, TokenKey
from ingest.rate_limits import limiter as limiter_module
from ingest.rate_limits.limiter import DAY_MS, RATES_MAX, RateLimited, RateLimiter
from ingest.rate_limits.queue_watch import QueueWatch
from shared.events import Environment
from shared.limits.app_limits import DEFAULT_LIMITS, AppLimits
from shared.snapshot import NO_TOKEN, Grant, KnownApp
from tests.support.build import SECRET_KEY, link, snapshot

NONE = AppLimits(**dict.fromkeys(AppLimits.__struct_fields__, 0))


class Clock:
    now_ms = DAY_MS * 20_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops the time of the rates, so that a busy machine admits no more than a quick one."""
    monkeypatch.setattr(limiter_module, "monotonic", lambda: 1000.0)


def limiter(clock: Clock, **limits: int) -> RateLimiter:
    """Builds one with these limits for app 1, and only the defaults for app 2."""
    return RateLimiter(store_of(clock, **limits), clock)


def store_of(clock: Clock, **limits: int) -> CredentialStore:
    known = CredentialStore(SECRET_KEY, clock)
    apps = {
        "one": KnownApp(1, limits=structs.replace(NONE, **limits)),
        "two": KnownApp(2, limits=DEFAULT_LIMITS),
    }
    known.use(structs.replace(snapshot(), apps=apps))
    return known


def sender(token_id: int = 1, app_id: int = 1, **changes: Any) -> Principal:
    grant = Grant(token_id, app_id, Environment.PRODUCTION)
    return structs.replace(Principal(TokenKey(b""), grant, None), **changes)


def admitted(
    limits: RateLimiter, principal: Principal, address: str | None = None, size_bytes: int = 100
) -> int:
    """Counts how many of 100 requests at one moment are admitted."""
    for count in range(100):
        try:
            limits.admit(principal, address, size_bytes)
        except RateLimited:
            return count
    return 100


STRANGER = sender(NO_TOKEN)
CLICK = sender(NO_TOKEN, link=link(link_id=7))


@pytest.mark.parametrize(
    ("limit", "value", "limited", "free"),
    [
        ("requests_per_second_max", 5, [sender(), sender(2), STRANGER], [sender(app_id=2)]),
        ("bytes_per_second_max", 500, [sender(), STRANGER], [sender(app_id=2)]),
        ("token_requests_per_second_max", 5, [sender()], [STRANGER, CLICK]),
        ("token_bytes_per_second_max", 500, [sender()], [STRANGER, CLICK]),
        ("link_requests_per_second_max", 5, [CLICK], [sender(), STRANGER]),
        ("link_bytes_per_second_max", 500, [CLICK], [sender(), STRANGER]),
        ("open_requests_per_second_max", 5, [STRANGER, CLICK], [sender()]),
        ("open_bytes_per_second_max", 500, [STRANGER, CLICK], [sender()]),
        ("address_requests_per_second_max", 5, [STRANGER, CLICK], [sender()]),
        ("address_bytes_per_second_max", 500, [STRANGER, CLICK], [sender()]),
    ],
)
def test_each_limit_is_for_its_own_traffic(
    clock: Clock, limit: str, value: int, limited: list[Principal], free: list[Principal]
) -> None:
    for principal in limited:
        assert admitted(limiter(clock, **{limit: value}), principal, "192.0.2.1") == 10
    for principal in free:
        assert admitted(limiter(clock, **{limit: value}), principal, "192.0.2.1") == 100


def test_each_token_link_and_address_has_its_own(clock: Clock) -> None:
    limits = limiter(
        clock,
        token_requests_per_second_max=5,
        link_requests_per_second_max=5,
        address_requests_per_second_max=5,
    )
    other_link = sender(NO_TOKEN, link=link(link_id=8))

    assert [admitted(limits, sender(1)), admitted(limits, sender(2))] == [10, 10]
    assert admitted(limits, CLICK, "192.0.2.1") == 10
    assert admitted(limits, other_link, "192.0.2.1") == 0
    assert admitted(limits, other_link, "192.0.2.2") == 10


@pytest.mark.parametrize(
    ("limit", "free"),
    [("bytes_per_day_max", []), ("open_bytes_per_day_max", [sender()])],
)
def test_the_bytes_of_a_day_come_back_with_the_next(
    clock: Clock, limit: str, free: list[Principal]
) -> None:
    limits = limiter(clock, **{limit: 1000})

    assert admitted(limits, STRANGER) == 10
    assert all(admitted(limits, principal) == 100 for principal in free)
    clock.now_ms += DAY_MS - 1
    with pytest.raises(RateLimited) as refused:
        limits.admit(STRANGER, None, 1)
    assert refused.value.retry_seconds == 1
    clock.now_ms += 1
    assert admitted(limits, STRANGER) == 10


def test_what_is_refused_takes_nothing(clock: Clock) -> None:
    limits = limiter(clock, requests_per_second_max=5, bytes_per_day_max=100_000)
    admitted(limits, sender())

    (use,) = limits.days.values()
    assert use.own_bytes == 10 * 100


def test_by_default_no_sender_with_a_token_is_limited_and_costs_no_rate(clock: Clock) -> None:
    limits = limiter(clock)

    for _ in range(1000):
        limits.admit(sender(app_id=2), None, 10**9)
    assert not limits.rates
    assert not limits.days


def test_by_default_whoever_has_no_token_is_limited(clock: Clock) -> None:
    assert admitted(limiter(clock), sender(NO_TOKEN, 2), "192.0.2.1", 10**6) == 4


def test_a_new_snapshot_changes_the_limits_at_once(clock: Clock) -> None:
    store = CredentialStore(SECRET_KEY, clock)
    limits = RateLimiter(store, clock)
    assert admitted(limits, sender()) == 100

    tight = KnownApp(1, limits=structs.replace(NONE, requests_per_second_max=1))
    store.use(structs.replace(snapshot(2), apps={"one": tight}))

    assert admitted(limits, sender()) == 2


def test_addresses_take_bounded_memory(clock: Clock) -> None:
    limits = limiter(clock, address_requests_per_second_max=1)
    for number in range(RATES_MAX + 10):
        limits.admit(STRANGER, str(number), 1)

    assert len(limits.rates) == RATES_MAX


def test_the_answer_says_which_limit_and_when_to_come_again(clock: Clock) -> None:
    limits = limiter(clock, token_requests_per_second_max=1)
    admitted(limits, sender())

    with pytest.raises(RateLimited) as refused:
        limits.admit(sender(), None, 1)
    assert refused.value.message.startswith(
        "The limit of requests per second of this token is reached. Send it again after 1 s"
    )


QUEUES = cast("QueueWatch", SimpleNamespace(events={1: 500, 2: 500}))  # as Redis would tell


def test_an_app_with_as_many_events_queued_as_it_may_is_told_to_come_later(clock: Clock) -> None:
    limits = RateLimiter(store_of(clock, queued_events_max=500), clock, queues=QUEUES)

    with pytest.raises(RateLimited, match="queued events of this app") as refusal:
        limits.admit(sender(), None, 100)
    assert refusal.value.retry_seconds == 5
    assert admitted(limits, sender(app_id=2)) == 100


def test_an_app_with_a_shorter_queue_is_admitted(clock: Clock) -> None:
    limits = RateLimiter(store_of(clock, queued_events_max=501), clock, queues=QUEUES)

    assert admitted(limits, sender()) == 100
