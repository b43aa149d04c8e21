"""A snapshot is published in parts, and a change writes those alone that differ."""

from typing import Any, cast
from unittest.mock import patch

import msgspec
from hypothesis import given

from shared.shards import snapshot_parts
from shared.shards.snapshot_parts import (
    PART_FIELDS,
    PART_ITEMS,
    decode_part,
    published_index,
    split,
    with_version,
    write_snapshot,
)
from shared.snapshot import KnownApp, KnownLink, LinkKey, Snapshot, decode_snapshot
from tests.support.build import grant
from tests.support.fake_redis import FakeStrictRedis
from tests.support.redis_names import NAMES
from tests.unit.shared.test_snapshot import snapshots


def whole(version: int = 1, **fields: Any) -> Snapshot:
    return Snapshot(version, b"k" * 32, **{"grants": {b"d" * 32: grant()}, **fields})


def links(app_id: int, count: int) -> dict[LinkKey, KnownLink]:
    return {
        LinkKey(f"offer {app_id}", str(number)): KnownLink(number, app_id, "https://example.com")
        for number in range(count)
    }


def published(redis: FakeStrictRedis) -> dict[bytes, bytes]:
    return cast("dict[bytes, bytes]", redis.hgetall(NAMES.snapshot_parts))


@given(snapshots)
def test_the_parts_hold_everything_once_and_the_index_the_rest(sent: Snapshot) -> None:
    made = split(sent)
    parts = [decode_part(data) for data in made.parts.values()]

    for field in PART_FIELDS:
        merged = {key: value for part in parts for key, value in getattr(part, field).items()}
        assert merged == getattr(sent, field)
        assert sum(len(getattr(part, field)) for part in parts) == len(merged)
    assert made.index.version == sent.version
    assert set(made.index.digests) == set(made.parts)


@given(snapshots)
def test_a_part_is_of_one_app_and_the_same_content_makes_the_same_parts(sent: Snapshot) -> None:
    made = split(sent)

    assert split(msgspec.structs.replace(sent, version=sent.version + 1)).parts == made.parts
    for name, data in made.parts.items():
        part = decode_part(data)
        owners = {app.app_id for app in part.apps.values()}
        for grants in (part.grants, part.inactive):
            owners |= {each.app_id for each in grants.values()}
        owners |= {link.app_id for link in part.links.values()}
        assert owners == {int(name.partition(":")[0])}


def test_an_app_with_many_links_has_many_parts_of_a_bounded_size() -> None:
    parts = split(whole(links=links(3, 20 * PART_ITEMS))).parts
    sizes = [len(decode_part(data).links) for name, data in parts.items() if name[0] == "3"]

    assert sum(sizes) == 20 * PART_ITEMS
    assert max(sizes) < 2 * PART_ITEMS


def test_a_change_writes_the_parts_that_differ_and_no_others() -> None:
    redis = FakeStrictRedis()
    apps = {f"token {number}": KnownApp(number) for number in range(1, 51)}
    first = whole(1, apps=apps, links=links(1, 5), grants={})
    write_snapshot(redis, split(first))
    before = published(redis)
    assert len(before) == 50

    changed = {**apps, "token 7": KnownApp(7, adjust_refusals=True)}
    del changed["token 9"]
    with patch.object(snapshot_parts, "_slices", wraps=snapshot_parts._slices) as slices:
        write_snapshot(redis, split(whole(2, apps=changed, links=links(1, 5), grants={})))

    after = published(redis)
    assert list(slices.call_args.args[0]) == ["7:0"]
    assert {name for name in before if before.get(name) != after.get(name)} == {b"7:0", b"9:0"}
    assert b"9:0" not in after


def test_what_is_in_force_is_known_by_its_index_and_a_version_of_somebody_else_is_not() -> None:
    redis = FakeStrictRedis()
    assert published_index(redis) is None
    made = split(whole(5))
    write_snapshot(redis, made)

    assert published_index(redis) == made.index
    assert with_version(made.index, 0) == split(whole(0)).index
    redis.set(NAMES.snapshot_version, 6)  # as a program of the version before does
    assert published_index(redis) is None


def test_ingest_of_the_version_before_finds_the_whole() -> None:
    redis = FakeStrictRedis()
    sent = whole(5)
    write_snapshot(redis, split(sent))

    data = redis.get(NAMES.snapshot)
    assert isinstance(data, bytes)
    assert decode_snapshot(data) == sent


def test_an_index_that_another_version_wrote_is_replaced_with_its_parts() -> None:
    redis = FakeStrictRedis()
    redis.hset(NAMES.snapshot_parts, "1:0", b"of another time")
    redis.hset(NAMES.snapshot_parts, "2:0", b"of another time")
    redis.set(NAMES.snapshot_index, b"something else")
    made = split(whole(5))

    write_snapshot(redis, made)

    assert published(redis) == {name.encode(): part for name, part in made.parts.items()}
