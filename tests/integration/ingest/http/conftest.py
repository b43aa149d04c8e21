"""A server for the tests of one module; none of them may make it log an error."""

import logging
from collections.abc import Iterator

import pytest

from tests.integration.ingest.http.http_server import SHORT, Serving, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Serving]:
    with serving(SHORT) as served:
        yield served


@pytest.fixture
def served(server: Serving, caplog: pytest.LogCaptureFixture) -> Iterator[Serving]:
    server.application.asked.clear()
    server.application.go_on.clear()
    yield server
    errors = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelno >= logging.ERROR
    ]
    assert not errors
