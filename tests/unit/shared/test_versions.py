"""Old and new programs side by side: what each writes, the other reads."""

from uuid import UUID

import msgspec

from shared.events import WIRE_VERSION, Event, decode_events
from shared.snapshot import Grant, LinkKey, Snapshot, decode_snapshot, encode_snapshot
from tests.support import build, versions


class EventBefore(msgspec.Struct, array_like=True):
    """The fields of an event that the previous version knows, by position."""

    receipt: UUID
    received_at_ms: int
    app_id: int
    token_id: int
    environment: str
    kind: str
    endpoint: str
    user_id: str
    event_id: str
    event_time_ms: int | None = None
    idempotency_key: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    sale_amount: str | None = None
    sale_amount_currency: str | None = None
    aggregated_event_value: str | None = None
    event_value: str | None = None
    parameters: dict[str, str] = {}
    click_id: str | None = None
    link_id: int | None = None
    device_ids: dict[str, str] = {}


class GrantBefore(msgspec.Struct, array_like=True):
    token_id: int
    app_id: int
    environment: str


class SnapshotBefore(msgspec.Struct):
    version: int
    key_check: bytes
    grants: dict[bytes, GrantBefore]


def test_events_of_the_version_before_are_read() -> None:
    click, opened, purchase = decode_events(versions.EVENTS)

    assert WIRE_VERSION == 1  # the recording's: another one needs a reader of both
    assert (click.kind, click.link_id, opened.kind) == ("click", 7, "open")
    assert purchase.event_time_ms == purchase.received_at_ms - 1000
    assert (purchase.sale_amount, purchase.would_refuse) == ("42.50", None)


def test_the_version_before_reads_the_events_of_this_one() -> None:
    written = build.event(
        user_id="a", sale_amount="1", would_refuse="missing", ad_network="n", ad_impressions=3
    )

    (read,) = msgspec.msgpack.decode(build.batch(written), type=list[EventBefore])

    assert (read.receipt, read.user_id, read.sale_amount) == (written.receipt, "a", "1")


def test_a_field_is_only_ever_added_at_the_end() -> None:
    before = [field.name for field in msgspec.structs.fields(EventBefore)]
    now = [field.name for field in msgspec.structs.fields(Event)]

    assert now[: len(before)] == before


def test_a_snapshot_of_the_version_before_is_read() -> None:
    snapshot = decode_snapshot(versions.SNAPSHOT)

    assert snapshot.version == 7
    assert snapshot.grants[b"d" * 32] == Grant(1, 1, build.grant().environment)
    assert snapshot.links[LinkKey("12", "34")].link_id == 7


def test_the_version_before_reads_a_snapshot_of_this_one() -> None:
    """Workers are rolled first, and publish: ingest of the version before must go on serving."""
    written: Snapshot = build.linked()

    read = msgspec.msgpack.decode(encode_snapshot(written), type=SnapshotBefore)

    assert read.version == written.version
    assert {digest: grant.app_id for digest, grant in read.grants.items()} == {
        digest: grant.app_id for digest, grant in written.grants.items()
    }
