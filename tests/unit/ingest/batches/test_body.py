"""Reading the body of a batch: its type, its compression, its limit."""

import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.batches.body import BATCH_BYTES_MAX, BodyForm, form_of, plain_body
from ingest.batches.refusals import MalformedBody
from shared.errors import RequestError, RequestTooLarge, UnsupportedBody

JSON = b'[{"type":"open"}]'


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("application/json", BodyForm.JSON),
        ("Application/JSON; charset=utf-8", BodyForm.JSON),
        ("application/x-ndjson", BodyForm.LINES),
        ("application/ndjson", BodyForm.LINES),
        ("application/jsonl", BodyForm.LINES),
    ],
)
def test_a_content_type_names_the_form(content_type: str, form: BodyForm) -> None:
    assert form_of(content_type) is form


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", "application/x-www-form-urlencoded", "json"]
)
def test_another_content_type_is_unsupported(content_type: str | None) -> None:
    with pytest.raises(UnsupportedBody) as caught:
        form_of(content_type)

    assert caught.value.field == "Content-Type"


@pytest.mark.parametrize("encoding", [None, "", "identity", "Identity"])
def test_a_plain_body_stays_as_it_is(encoding: str | None) -> None:
    assert plain_body(JSON, encoding) is JSON


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP "])
def test_a_gzip_body_is_inflated(encoding: str) -> None:
    assert plain_body(gzip.compress(JSON), encoding) == JSON


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_another_compression_is_unsupported(encoding: str) -> None:
    with pytest.raises(UnsupportedBody) as caught:
        plain_body(JSON, encoding)

    assert caught.value.field == "Content-Encoding"


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5))
def test_the_members_of_a_gzip_body_are_joined(parts: list[bytes]) -> None:
    assert plain_body(b"".join(map(gzip.compress, parts)), "gzip") == b"".join(parts)


@given(st.binary(min_size=1, max_size=200), st.data())
def test_a_gzip_body_that_was_cut_off_is_refused(content: bytes, data: st.DataObject) -> None:
    whole = gzip.compress(content)
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(MalformedBody):
        plain_body(whole[:cut], "gzip")


@pytest.mark.parametrize(
    "body",
    [JSON, gzip.compress(JSON) + b"more", zlib.compress(JSON), gzip.compress(b"") * 1001],
    ids=["plain", "more behind it", "zlib", "a thousand members"],
)
def test_what_is_not_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        plain_body(body, "gzip")


def test_a_body_may_inflate_to_the_limit_and_no_further() -> None:
    assert len(plain_body(gzip.compress(b" " * BATCH_BYTES_MAX), "gzip")) == BATCH_BYTES_MAX
    for body in (
        gzip.compress(b" " * (BATCH_BYTES_MAX + 1)),
        gzip.compress(b" " * BATCH_BYTES_MAX) + gzip.compress(b" "),
    ):
        with pytest.raises(RequestTooLarge):
            plain_body(body, "gzip")


def test_a_bomb_takes_no_more_memory_than_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(RequestTooLarge):
            plain_body(bomb, "gzip")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 3 * BATCH_BYTES_MAX


@given(st.binary(max_size=300))
def test_any_bytes_are_inflated_or_refused(body: bytes) -> None:
    with suppress(RequestError):
        assert isinstance(plain_body(body, "gzip"), bytes)
