import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.validation import (
    clean_code,
    clean_destination,
    clean_event_name,
    clean_shown_name,
    clean_text,
    random_code,
)
from shared.errors import BadValue


def test_a_label_loses_the_spaces_around_it() -> None:
    assert clean_text("name", "  My Shop ", 100) == "My Shop"


@pytest.mark.parametrize("value", ["", "   ", "x" * 101, "a\nb", "a\x00b", "a\x1b[2J", "a\udc80"])
def test_a_label_is_short_readable_text(value: str) -> None:
    with pytest.raises(BadValue, match="Name must"):
        clean_text("name", value, 100)


@pytest.mark.parametrize("value", ["\u200bpurchase", "purchase\ufeff ", "\u202apurchase\u202c"])
def test_an_event_type_is_named_as_events_name_it_however_it_was_pasted(value: str) -> None:
    assert clean_event_name("name", value, 100) == "purchase"


@given(st.integers(1, 64))
def test_a_random_code_is_lower_case_letters_and_digits(length: int) -> None:
    code = random_code(length)

    assert len(code) == length
    assert code.isascii()
    assert code.isalnum()
    assert code == code.lower()


def test_a_destination_is_taken_without_the_spaces_around_it() -> None:
    assert clean_destination(" https://shop.example/{pub_id} ") == "https://shop.example/{pub_id}"


@pytest.mark.parametrize(
    ("destination", "rule"),
    [
        ("", "1 to 2048 characters"),
        ("https://shop.example/" + "x" * 2048, "1 to 2048 characters"),
        ("https://shop.example/\x07a", "control characters"),
        ("http://shop.example/", "https://"),
        ("https://{pub_id}.example/", "no macro"),
        ("https://me@shop.example/", "no user name"),
        ("https://shop.example/{nobody}", "{nobody}"),
        ("https://shop.example/a b", "Percent-encode"),
    ],
)
def test_a_destination_that_breaks_a_rule_is_refused_with_the_rule(
    destination: str, rule: str
) -> None:
    with pytest.raises(BadValue) as caught:
        clean_destination(destination)

    assert caught.value.at_terminal.startswith("--destination ")
    assert rule in caught.value.message


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("(organic)", "parentheses"),
        ("Acme (source)", "parentheses"),
        ("Ac\u200bme", "invisible"),
        ("acme", "looks like"),
        ("\uff21cme", "looks like"),
        ("A\ncme", "control"),
    ],
)
def test_a_name_that_reports_show_is_none_of_theirs_and_no_look_alike(
    name: str, reason: str
) -> None:
    with pytest.raises(BadValue, match=reason):
        clean_shown_name("partner", name, 100, ["Acme"])


def test_a_name_that_exists_is_not_its_own_look_alike() -> None:
    assert clean_shown_name("partner", " Acme ", 100, ["Acme", "Bolt"]) == "Acme"


@pytest.mark.parametrize("name", ["__open", "__install", "__mine", " __open", "\uff3f\uff3fopen"])
def test_an_event_cannot_have_a_name_that_is_built_in(name: str) -> None:
    with pytest.raises(BadValue, match="Mapping id must not begin with __"):
        clean_event_name("mapping-id", name, 100)


def test_an_event_may_have_any_other_name() -> None:
    names = ("purchase", "_purchase", "level up", "open", "a__b")

    assert tuple(clean_event_name("mapping-id", name, 100) for name in names) == names


@pytest.mark.parametrize("code", ["a b", "a\u00a0b", "a\u3000b", "a\u200bb", "ab\u202e"])
def test_a_name_for_machines_has_no_spaces_and_nothing_invisible(code: str) -> None:
    with pytest.raises(BadValue, match="must not contain spaces or invisible characters"):
        clean_code("event-token", code, 64)


def test_a_name_for_machines_loses_the_spaces_around_it() -> None:
    assert clean_code("event-token", " f0ob4r ", 64) == "f0ob4r"
