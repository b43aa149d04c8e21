"""The limits of a connection leave room for what the application takes."""

from dataclasses import fields

from ingest.batches.body import BATCH_BYTES_MAX
from ingest.http.limits import ConnectionLimits
from ingest.request_body import REQUEST_BYTES_MAX
from shared.tokens import TOKEN_BYTES_MAX

LIMITS = ConnectionLimits()


def test_every_limit_allows_something() -> None:
    assert all(getattr(LIMITS, field.name) > 0 for field in fields(LIMITS))


def test_a_query_that_the_application_takes_passes_beside_a_token_and_other_fields() -> None:
    assert LIMITS.query_bytes_max >= REQUEST_BYTES_MAX
    assert LIMITS.head_bytes_max >= LIMITS.query_bytes_max + 4096
    assert LIMITS.header_bytes_max > TOKEN_BYTES_MAX


def test_a_body_that_the_application_takes_passes() -> None:
    assert LIMITS.body_bytes_max > REQUEST_BYTES_MAX
    assert LIMITS.bodies_bytes_max > LIMITS.batch_bytes_max > BATCH_BYTES_MAX


def test_only_a_batch_may_be_larger_than_other_bodies() -> None:
    assert LIMITS.body_bytes_max_of("/batch") == LIMITS.batch_bytes_max
    assert LIMITS.body_bytes_max_of("/postback") == LIMITS.body_bytes_max
    assert LIMITS.body_bytes_max_of("/batch/") == LIMITS.body_bytes_max
