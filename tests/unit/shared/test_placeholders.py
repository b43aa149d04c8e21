"""Tests which texts are placeholders: words of scripts and macros in every spelling."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.dialects.plain_fields import plain_id, plain_ids, plain_user_id
from shared.placeholders import _ALL_WORDS, is_no_id, is_placeholder
from tests.support.placeholders import MACROS, WORDS, placeholders


@pytest.mark.parametrize("text", [*WORDS, *MACROS])
def test_a_placeholder_is_one_in_any_case_and_however_often_it_was_encoded(text: str) -> None:
    for spelling in (text, text.upper(), f" {text} "):
        for sent in (spelling, quote(spelling), quote(quote(spelling))):
            assert is_no_id(sent), sent


@pytest.mark.parametrize("word", sorted(_ALL_WORDS - {""}))
def test_a_word_for_nobody_is_no_id_by_any_way_of_reading_it(word: str) -> None:
    for spelling in (word, word.upper(), word.title()):
        assert is_no_id(spelling)
        assert plain_id("user_id", spelling) is None
        assert plain_user_id("user_id", spelling) is None
        assert plain_ids("user_id", ["u-1", spelling])[1] is None


@given(placeholders())
def test_no_placeholder_is_an_id(text: str) -> None:
    assert is_no_id(text)


@pytest.mark.parametrize(
    "text",
    [
        *("order-{id}", "${user}:${order}", "tx_%%id%%", "undefined-undefined", "user-undefined"),
        *("null:42", "order/NaN", "[user]-7", "<uid>", "%7Bid%7D-7", "0", "-1", "000", "0-0"),
        *('"00000000-0000-0000-0000-000000000000"', "%7B00000000-0000-0000-0000-000000000000%7D"),
        *(
            'Optional("00000000-0000-0000-0000-000000000000")',
            "0,0",
            "+0",
            "0x0",
            "***",
            "?",
            "\u2022",
        ),
        *(
            "\u201cnull\u201d",
            "\u00abgaid\u00bb",
            "\uff5bgaid\uff5d",
            "\uff1cgaid\uff1e",
            "`gaid`",
            "\uff0d",
        ),
        *(
            "YOUR_USER_ID",
            "your-advertising-id",
            "opt_out",
            "REDACTED",
            "no_idfa",
        ),
        *("undefinedundefined", "nullnull", "_unknown_", "not-set", "&nbsp;", "urn:uuid:0000"),
        *("user_id", "GAID", "anonymous", "guest", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_what_everybody_would_share_is_no_id(text: str) -> None:
    assert is_no_id(text)


@pytest.mark.parametrize(
    "text",
    [
        *("1", "u", "web-17", "a@b.example", "@handle", "#123", "user<3", "50%off", "a%20b", "p&1"),
        *(
            "{38400000-8cf0-11bd-b23e-10b96e40000d}",
            "nullable",
            "Annan",
            "undefinedness",
            "yourname7",
            "no-1",
            "inserted",
            'Optional("u-1")',
            "not-a-bot",
            "\u201cZo\u00eb\u201d",
        ),
        *("__open", "O'Brien", "a[0]", "100%", "\U0001f389", "\u0416\u0443\u043a", "none-of-these"),
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Mobile Safari/537.36",
    ],
)
def test_a_value_is_a_value(text: str) -> None:
    assert not is_no_id(text)
    assert not is_placeholder(text)


@given(st.uuids() | st.integers(1).map(str) | st.emails().filter(lambda text: text[0].isalnum()))
def test_ids_of_the_usual_forms_are_ids(value: object) -> None:
    parts = str(value).lower().replace("@", "-").replace(".", "-").split("-")
    named = {"undefined", "null", "nan"} & set(parts)
    odd = any(sign in str(value) for sign in "{}%[]<>`'|~!#$^*")

    if not named and not odd and str(value).strip("0-"):
        assert not is_no_id(str(value))


@pytest.mark.parametrize(
    "name",
    [
        *("0", "-1", "email", "guest", "default", "true", "id", "***", "your_summer", "no-email"),
        *(
            "\u3010\u590f\u3011",
            "\uff1c\u516c\u5f0f\uff1e",
            "\u201cSale\u201d",
            "\u00abZo\u00eb\u00bb",
        ),
    ],
)
def test_a_campaign_may_be_called_what_no_id_is(name: str) -> None:
    assert not is_placeholder(name)
