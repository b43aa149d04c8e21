"""What the tests of faults need. Without it they fail in CI, and elsewhere say what is missing."""

import os

import pytest

from tests.chaos.machine.tools import missing_tools


@pytest.fixture
def tools() -> None:
    missing = missing_tools()
    if missing and os.environ.get("CI"):
        pytest.fail(f"CI has to have these: {', '.join(missing)}")
    if missing:
        pytest.skip(f"NOT RUN: it needs {', '.join(missing)}")
