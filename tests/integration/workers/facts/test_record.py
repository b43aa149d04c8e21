"""Facts into tables: each field with its meaning, each key one event."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.dialects.adjust.ad_revenue import AD_REVENUE
from ingest.dialects.adjust.event import EVENT
from ingest.dialects.adjust.session import SESSION
from ingest.dialects.dialect import Dialect
from ingest.dialects.swaarm.postback import read_postback
from ingest.parameters import Parameters
from ingest.sent_pairs import SentPair
from shared import fields
from shared.database import Connection
from shared.errors import RequestError
from shared.events import Environment, Kind
from shared.snapshot import KnownApp, KnownEventType
from tests.integration.conftest import empty
from tests.integration.fresh import fresh
from tests.integration.statements import Counted
from tests.support.build import request_context
from workers.drain.bisect import store_bisecting
from workers.facts.record import Recorded, record


def _row(connection: Connection, columns: str) -> tuple[object, ...]:
    row = connection.execute(f"SELECT {columns} FROM events".encode()).fetchone()
    assert row is not None
    return row


def test_every_field_is_stored_with_its_meaning(connection: Connection) -> None:
    sent = fresh(
        user_id="0000-AAAA",
        event_id="purchase",
        environment=Environment.SANDBOX,
        event_time_ms=1_795_000_000_123,
        received_at_ms=1_795_000_009_456,
        ip_address="2001:db8::7",
        user_agent="Mozilla/5.0",
        sale_amount="9.990001",
        sale_amount_currency="EUR",
        aggregated_event_value="-120",
        event_value='{"plan":"premium"}',
        idempotency_key="order-1",
        parameters={"country": "DE", "ü": "\u2028"},
    )

    record(connection, [sent])

    assert _row(connection, "user_id, event_id, environment, kind, endpoint") == (
        "0000-AAAA", "purchase", "sandbox", "event", "/postback",
    )  # fmt: skip
    assert _row(connection, "event_time, received_at") == (
        datetime.fromtimestamp(1_795_000_000, UTC).replace(microsecond=123_000),
        datetime.fromtimestamp(1_795_000_009, UTC).replace(microsecond=456_000),
    )
    assert _row(
        connection,
        "host(ip_address), user_agent, sale_amount, sale_amount_currency, "
        "aggregated_event_value, event_value, idempotency_key, parameters, country",
    ) == (
        "2001:db8::7", "Mozilla/5.0", Decimal("9.990001"), "EUR",
        Decimal(-120), '{"plan":"premium"}', "order-1", {"country": "DE", "ü": "\u2028"}, "DE",
    )  # fmt: skip


def test_a_recorded_event_keeps_its_country_whatever_a_later_database_says(
    connection: Connection,
) -> None:
    sent = [fresh(), fresh(parameters={"country": "{Country code}"})]

    record(connection, sent, lambda _: "SE")
    record(connection, sent, lambda _: "NO")

    stored = connection.execute("SELECT country, parameters->>'country' FROM events").fetchall()
    assert sorted(stored, key=repr) == [("SE", "{Country code}"), ("SE", None)]


def test_without_an_event_time_the_event_happened_when_it_was_received(
    connection: Connection,
) -> None:
    record(connection, [fresh(event_time_ms=None)])

    assert _row(connection, "event_time = received_at") == (True,)


def test_an_event_of_a_known_mapping_id_has_its_type_and_another_is_marked_unmapped(
    connection: Connection,
) -> None:
    connection.execute("INSERT INTO apps (name, app_token) VALUES ('Shop', 'shop')")
    connection.execute(
        "INSERT INTO event_types (app_id, name, mapping_id, event_token) "
        "VALUES (1, 'Purchase', 'purchase', 'abc123')"
    )
    record(
        connection,
        [
            fresh(app_id=1, event_id="purchase"),
            fresh(app_id=1, event_id="Purchase"),  # mapping ids are case-sensitive
            fresh(app_id=2, event_id="purchase"),  # another app's
            fresh(app_id=1, event_id="__open", kind=Kind.OPEN),
        ],
    )

    rows = connection.execute(
        "SELECT app_id, event_id, event_type_id, unmapped FROM events ORDER BY receipt"
    ).fetchall()
    assert sorted(rows, key=str) == [
        (1, "Purchase", None, True),
        (1, "__open", None, False),
        (1, "purchase", 1, False),
        (2, "purchase", None, True),
    ]


def test_text_is_stored_letter_by_letter_whatever_it_means_to_copy(connection: Connection) -> None:
    hostile = "\\N \\. \\\\ \t \n \r \x01 \\x41 \\t ü \u2028"
    sent = fresh(
        user_id=r"a\tb", user_agent=hostile, event_value=hostile,
        parameters={hostile: hostile, r"\u0041": "\\"}, device_ids={"gaid": "\\N"},
    )  # fmt: skip
    marker = fresh(user_id="z", event_value="\\.", user_agent="\\N")

    assert store_bisecting(connection, [sent, marker]) == Recorded(events=2)

    rows = connection.execute(
        "SELECT user_id, user_agent, event_value, parameters, device_ids FROM events "
        "ORDER BY user_id"
    ).fetchall()
    assert rows == [
        (one.user_id, one.user_agent, one.event_value, one.parameters, one.device_ids)
        for one in (sent, marker)
    ]


@pytest.mark.parametrize("known", [1, 2, 3])
def test_of_a_batch_that_is_partly_stored_the_rest_is_stored(
    connection: Connection, known: int
) -> None:
    batch = [fresh(user_id=f"u{number}") for number in range(3)]
    record(connection, batch[:known])

    assert record(connection, batch) == Recorded(events=3)
    assert record(connection, [*batch, fresh(user_id="new")]) == Recorded(events=4)

    rows = connection.execute("SELECT user_id FROM events ORDER BY user_id").fetchall()
    assert rows == [("new",), ("u0",), ("u1",), ("u2",)]


def test_a_key_is_one_event_and_a_repeat_points_to_it(connection: Connection) -> None:
    first, repeat = fresh(idempotency_key="k"), fresh(idempotency_key="k")

    assert record(connection, [first]) == Recorded(events=1)
    assert record(connection, [repeat]) == Recorded(duplicates=1)

    assert connection.execute(
        "SELECT receipt, first_receipt, conflict FROM duplicates"
    ).fetchall() == [(repeat.receipt, first.receipt, False)]


def test_a_repeat_in_the_same_batch_points_to_the_earlier_receipt(connection: Connection) -> None:
    pair = (fresh(idempotency_key="k"), fresh(idempotency_key="k"))
    first, repeat = sorted(pair, key=lambda event: event.receipt)

    record(connection, [repeat, first])

    assert connection.execute("SELECT receipt, first_receipt FROM duplicates").fetchall() == [
        (repeat.receipt, first.receipt)
    ]


def test_a_repeat_with_another_body_is_marked_as_a_conflict(connection: Connection) -> None:
    record(connection, [fresh(idempotency_key="k", sale_amount="1")])
    record(connection, [fresh(idempotency_key="k", sale_amount="2")])

    assert connection.execute("SELECT conflict FROM duplicates").fetchall() == [(True,)]


def test_the_same_key_in_another_app_is_another_event(connection: Connection) -> None:
    record(connection, [fresh(app_id=1, idempotency_key="k")])

    assert record(connection, [fresh(app_id=2, idempotency_key="k")]) == Recorded(events=1)


def test_a_batch_with_keys_that_is_recorded_again_stays_what_it_was(
    connection: Connection,
) -> None:
    batch = [fresh(idempotency_key="k"), fresh(idempotency_key="k"), fresh()]

    assert record(connection, batch) == record(connection, batch)
    assert connection.execute("SELECT count(*) FROM events").fetchone() == (2,)
    assert connection.execute("SELECT count(*) FROM duplicates").fetchone() == (1,)


def test_one_event_that_cannot_be_stored_stands_aside_and_the_rest_is_stored(
    connection: Connection,
) -> None:
    bad = fresh(sale_amount_currency="NONE")
    batch = [*(fresh() for _ in range(9)), bad, *(fresh() for _ in range(6))]

    assert store_bisecting(connection, batch) == Recorded(events=15, quarantined=1)
    assert connection.execute("SELECT receipt, reason, detail FROM quarantine").fetchall() == [
        (bad.receipt, "refused_by_database", "SQLSTATE 23514")
    ]


_TEXT = st.binary(max_size=40) | st.text(max_size=40).map(str.encode)
_NAMES = st.sampled_from([
    b"user_id", b"event_id", b"ip_address", b"user_agent", b"sale_amount", b"sale_amout",
    b"sale_amount_currency", b"aggregated_event_value", b"event_value", b"event_time",
    b"idempotency_key", b"anything", "ünïcode".encode(),
])  # fmt: skip
_USUAL = st.sampled_from([
    b"42", b"-0.0000005", b"99999999999.9999999", b"USD", b"::1", b"1795000000",
    b"2026-11-23T05:00:00",
    "\U0001f600\u202e".encode(), b"'; DROP TABLE events; --", b"\\u0000", b"{\"a\":1}",
])  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(pairs=st.lists(st.tuples(_NAMES, _TEXT | _USUAL), max_size=12))
def test_what_is_accepted_can_be_stored(
    connection: Connection, pairs: list[tuple[bytes, bytes]]
) -> None:
    empty(connection)
    required = [(b"user_id", b"u"), (b"event_id", b"e")]
    try:
        sent = Parameters.from_pairs([SentPair(*pair, pair[1]) for pair in [*required, *pairs]])
        accepted = read_postback(sent, request_context()).event
    except RequestError:
        return

    assert store_bisecting(connection, [accepted]).quarantined == 0
    assert _row(connection, "receipt") == (accepted.receipt,)
    if accepted.sale_amount is not None:
        assert _row(connection, "sale_amount") == (Decimal(accepted.sale_amount),)


_ADJUST_NAMES = st.sampled_from([
    b"idfa", b"idfv", b"adid", b"android_id", b"created_at", b"created_at_unix", b"revenue",
    b"amount", b"currency", b"environment", b"callback_params", b"partner_params", b"ip_address",
    b"user_agent", b"ad_revenue_network", b"ad_impressions_count", b"anything",
])  # fmt: skip
_KNOWN = KnownApp(1, event_types={"tok": KnownEventType(1, "purchase")})


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    pairs=st.lists(st.tuples(_ADJUST_NAMES, _TEXT | _USUAL | st.just(b"1e-9")), max_size=12),
    dialect=st.sampled_from([EVENT, SESSION, AD_REVENUE]),
)
def test_what_is_accepted_in_the_adjust_dialect_can_be_stored(
    connection: Connection, pairs: list[tuple[bytes, bytes]], dialect: Dialect
) -> None:
    empty(connection)
    required = [(b"app_token", b"app"), (b"event_token", b"tok"), (b"meid", b"u")]
    try:
        sent = Parameters.from_pairs([SentPair(*pair, pair[1]) for pair in [*required, *pairs]])
        accepted = dialect.read(sent, request_context(app=_KNOWN)).event
    except RequestError:
        return

    assert store_bisecting(connection, [accepted]).quarantined == 0
    assert _row(connection, "receipt, kind") == (accepted.receipt, accepted.kind)
    if accepted.sale_amount is not None:
        assert _row(connection, "sale_amount") == (Decimal(accepted.sale_amount),)


def test_the_largest_of_everything_that_is_accepted_can_be_stored(connection: Connection) -> None:
    longest = "\U0001f600" * fields.ID_CHARACTERS_MAX
    largest = fresh(
        user_id=longest,
        event_id=longest,
        idempotency_key=longest,
        sale_amount="-100000000000",
        aggregated_event_value="100000000000.000000",
        event_value="x" * fields.EVENT_VALUE_BYTES_MAX,
        user_agent="\U0001f600" * fields.USER_AGENT_CHARACTERS_MAX,
        parameters={"p" * 256: "v" * 60_000},
    )

    assert store_bisecting(connection, [largest]) == Recorded(events=1)


def test_a_batch_takes_the_same_number_of_statements_whatever_its_size(
    connection: Connection, database_url: str
) -> None:
    counts = []
    for size in (4, 40, 1000):
        batch = [
            fresh(user_id=f"{size} {index}", idempotency_key=f"{size} {index // 2}")
            for index in range(size)
        ]
        with Counted.connect(database_url, autocommit=True) as counting:
            assert record(counting, batch).duplicates == size // 2
            counts.append(counting.statements)

    # settings, keys, their owners, event types, events, unique types,
    # users looked up and made, signals, stale periods, duplicates
    assert counts == [11, 11, 11]
    assert connection.execute("SELECT count(*) FROM events").fetchone() == (522,)


def test_the_first_click_under_an_id_stays_whatever_comes_beside_it(
    connection: Connection,
) -> None:
    """One that is there already makes a batch go another way: new ones must not lose by it."""
    first, again, other = (
        fresh(kind=Kind.CLICK, user_id="", event_id="", click_id=name, device_ids={"idfv": idfv})
        for name, idfv in (("known", "idfv-1"), ("known", "idfv-2"), ("new", "idfv-3"))
    )
    record(connection, [first])

    record(connection, [other, again])
    record(connection, [again, other, first])

    clicks = connection.execute("SELECT click_id, receipt FROM clicks ORDER BY click_id").fetchall()
    assert clicks == [("known", first.receipt), ("new", other.receipt)]
    named = connection.execute("SELECT click_id, device_id FROM click_device_ids ORDER BY 1")
    assert named.fetchall() == [("known", "idfv-1"), ("new", "idfv-3")]


def test_ids_with_every_special_character_are_kept_as_they_were_sent(
    connection: Connection,
) -> None:
    odd = 'a"b\\c,d\te\nf\rNULL\\N'
    sent = fresh(user_id=odd, click_id=f"{odd}2", device_ids={"imei": odd, "idfa": "NULL"})
    click = fresh(kind=Kind.CLICK, user_id="", event_id="", click_id=odd, device_ids={"imei": odd})

    record(connection, [sent, click])
    record(connection, [fresh(user_id=odd, device_ids={"imei": f"{odd}3"})])

    signal = connection.execute(
        "SELECT device_ids, click_ids FROM signals ORDER BY receipt LIMIT 1"
    ).fetchone()
    assert signal == ([odd], sorted([odd, f"{odd}2"]))
    values = connection.execute("SELECT kind, value FROM identities ORDER BY 1, 2").fetchall()
    assert values == [
        ("click", f"{odd}2"),
        ("device", odd.lower()),
        ("device", f"{odd}3".lower()),
    ]  # "NULL" is a placeholder that nobody filled
    assert connection.execute("SELECT click_id, device_id FROM click_device_ids").fetchall() == [
        (odd, odd.lower())
    ]
