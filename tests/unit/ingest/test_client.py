"""Tests whether a browser has clicked or only prepares for it."""

import pytest

from ingest.client import is_prefetch


@pytest.mark.parametrize(
    "purpose", ["prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip", " Prefetch",
                "prerender", "preview"],
)  # fmt: skip
def test_a_browser_that_only_prepares_says_so(purpose: str) -> None:
    assert is_prefetch([None, purpose])


@pytest.mark.parametrize("purposes", [[], [None], [None, ""], ["navigate", "no-prefetch"]])
def test_a_browser_that_does_not_say_so_has_clicked(purposes: list[str | None]) -> None:
    assert not is_prefetch(purposes)
