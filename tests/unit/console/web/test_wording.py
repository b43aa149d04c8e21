"""What the operations say, in the words of a page; where a link may lead."""

import pytest

from console.web.wording import in_words, local_path


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("--app-token must have 1 to 64 characters.", "App token must have 1 to 64 characters."),
        ("Somebody has this name. See `waybill app list`.", "Somebody has this name."),
        ("Nothing works.", "Nothing works."),
        ("See `waybill app list`.", "See `waybill app list`."),
    ],
)
def test_options_become_labels_and_pointers_to_commands_are_left_out(
    message: str, words: str
) -> None:
    assert in_words(message) == words


@pytest.mark.parametrize("path", ["/", "/apps/3?environment=sandbox", "/apps/3/events#x"])
def test_a_path_of_this_console_is_followed(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text", ["", "apps", "//evil.test", "/\\evil.test", "/a\\b", "/\n", "http:x"]
)
def test_anything_else_leads_to_the_start(text: str) -> None:
    assert local_path(text) == "/"
