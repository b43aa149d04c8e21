"""The snapshot as it travels; publishing it is tested with a real PostgreSQL."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.events import Environment
from shared.snapshot import Grant, KnownLink, LinkKey, Snapshot, decode_snapshot, encode_snapshot
from tests.support.build import grant, snapshot
from tests.unit.strategies import keys, text

grants = st.builds(Grant, token_id=keys, app_id=keys, environment=st.sampled_from(Environment))
links = st.builds(KnownLink, link_id=keys, app_id=keys, destination=text)
snapshots = st.builds(
    Snapshot,
    version=keys,
    key_check=st.binary(min_size=32, max_size=32),
    grants=st.dictionaries(st.binary(min_size=32, max_size=32), grants, max_size=5),
    links=st.dictionaries(st.builds(LinkKey, offer_id=text, pub_id=text), links, max_size=5),
)


@given(snapshots)
def test_what_is_published_is_what_is_taken(published: Snapshot) -> None:
    assert decode_snapshot(encode_snapshot(published)) == published


def test_a_snapshot_that_another_version_published_reads_as_it_was_meant() -> None:
    published = (
        b"\x83\xa7version\x07\xa9key_check\xc4\x04kkkk"
        b"\xa6grants\x81\xc4\x04dddd\x93\x02\x03\xa7sandbox"
    )

    assert decode_snapshot(published) == Snapshot(
        version=7,
        key_check=b"kkkk",
        grants={b"dddd": grant(token_id=2, app_id=3, environment=Environment.SANDBOX)},
    )


def test_a_snapshot_of_before_there_were_links_has_none() -> None:
    held = snapshot()
    older = {"version": 1, "key_check": held.key_check, "grants": held.grants}

    assert decode_snapshot(msgspec.msgpack.encode(older)) == held


def test_a_snapshot_holds_digests_and_no_token() -> None:
    assert b"s2sToken" not in encode_snapshot(snapshot(s2sToken=grant()))


@pytest.mark.parametrize("damaged", [b"", b"\xc1", b"\x90", encode_snapshot(snapshot())[:-1]])
def test_bytes_that_are_no_snapshot_are_told_apart(damaged: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode_snapshot(damaged)
