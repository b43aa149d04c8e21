"""Tests which redirect targets are followed."""

import pytest

from console.web.redirects import local_path


@pytest.mark.parametrize("path", ["/", "/apps/3?environment=sandbox", "/apps/3/events#x"])
def test_a_path_of_this_console_is_followed(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text", ["", "apps", "//evil.test", "/\\evil.test", "/a\\b", "/\n", "http:x"]
)
def test_anything_else_leads_to_the_start(text: str) -> None:
    assert local_path(text) == "/"
