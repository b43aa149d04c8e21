"""Parameters: from the bytes of a request to one value a name, or a named refusal."""

from collections.abc import Callable
from functools import partial

import pytest
from falcon.uri import parse_query_string
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.parameters import NO_NAME, Parameters, RawParameters
from ingest.sent_pairs import pairs_of, read_pairs
from shared.errors import (
    ConflictingValues,
    MalformedField,
    MissingField,
    RequestError,
    TooManyParameters,
)


def read(query: bytes, form: bytes = b"") -> dict[str, str]:
    return RawParameters(query, form).parameters(without=()).rest()


def many(count: int) -> bytes:
    return b"&".join(b"p%d=%d" % (index, index) for index in range(count))


# Swaarm's own page sends event_id twice, the second one empty.
DOCUMENTED = b"event_id=registration&token=T&user_id=U&event_id=&user_ip=1.2.3.4&user_ua=UA"


def test_the_documented_call_with_a_second_empty_event_id_keeps_the_first() -> None:
    assert read(DOCUMENTED)["event_id"] == "registration"


def test_an_empty_value_in_front_is_replaced_by_the_one_behind_it() -> None:
    assert read(b"event_id=&event_id=registration") == {"event_id": "registration"}


def test_the_same_value_twice_is_one_value() -> None:
    assert read(b"event_id=a&event_id=a") == {"event_id": "a"}


@pytest.mark.parametrize(
    ("query", "form"),
    [(b"event_id=a&event_id=b", b""), (b"event_id=a", b"event_id=b"), (b"e=&e=a&e=&e=b", b"")],
)
def test_two_different_values_are_refused(query: bytes, form: bytes) -> None:
    name = "event_id" if b"event_id" in query else "e"
    sent = RawParameters(query, form).parameters(without=())

    with pytest.raises(ConflictingValues) as caught:
        sent.take(name)

    assert caught.value.field == name
    assert sent.rest() == {name: "a", f"{name} (2)": "b"}  # for whoever does not ask


def test_a_placeholder_gives_way_to_a_value_and_both_are_kept() -> None:
    for query in (b"gaid={gaid}&gaid=G", b"gaid=G&gaid={gaid}"):
        sent = RawParameters(query).parameters(without=())

        assert sent.take("gaid") == "G"
        assert sent.rest() == {"gaid (2)": "{gaid}"}


def test_a_query_and_a_form_are_read_as_one() -> None:
    assert read(b"user_id=u&event_id=", b"event_id=e&sale_amount=1") == {
        "user_id": "u",
        "event_id": "e",
        "sale_amount": "1",
    }


def test_pairs_keep_the_order_they_were_sent_in_query_first() -> None:
    pairs = pairs_of(read_pairs(b"b=1&a=2", b"c=3"))

    assert pairs == [(b"b", b"1"), (b"a", b"2"), (b"c", b"3")]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a=1+2", "1 2"),
        (b"a=1%2B2", "1+2"),
        (b"a=%C3%A9", "é"),
        (b"a=\xc3\xa9", "é"),
        (b"a=1=2=3", "1=2=3"),
        (b"a=1;b=2", "1;b=2"),
        (b"a=100%", "100%"),
        (b"a=%zz%4", "%zz%4"),
        (b"a=%2526", "%26"),
        (b"a=1,2", "1,2"),
        (b"a", ""),
        (b"a=", ""),
    ],
)
def test_a_value_is_unescaped_once_and_kept_as_it_was_meant(sent: bytes, kept: str) -> None:
    assert read(sent) == {"a": kept}


def test_a_name_is_unescaped_too() -> None:
    assert read(b"user%5Fid=u") == {"user_id": "u"}


def test_an_escaped_ampersand_belongs_to_the_value() -> None:
    assert read(b"event_value=a%26b&c=d") == {"event_value": "a&b", "c": "d"}


@pytest.mark.parametrize("query", [b"a=1&", b"&a=1", b"a=1&&", b"&&&", b"", b"a=1&&b=2"])
def test_ampersands_without_a_parameter_between_them_mean_nothing(query: bytes) -> None:
    assert set(read(query)) <= {"a", "b"}


@given(st.lists(st.sampled_from([b"", b"a=1", b"b=2&c=3"]), max_size=200))
@example([b""] * 80 + [b"event_value=x", b"sale_amount=1"])
def test_empty_parts_however_many_do_not_change_what_stands_behind_them(parts: list[bytes]) -> None:
    query = b"&".join(parts)
    meant = [part for part in query.split(b"&") if part]
    pairs = pairs_of(read_pairs(query, b""))

    assert [b"=".join(pair) for pair in pairs] == meant


def test_64_parameters_are_taken() -> None:
    assert len(read(many(64))) == 64
    assert len(read(many(64) + b"&")) == 64
    assert len(read(many(32), b"&".join(b"f%d=" % index for index in range(32)))) == 64


@pytest.mark.parametrize(
    ("query", "form"),
    [(many(65), b""), (b"", many(65)), (many(32), many(33)), (many(10_000), many(10_000))],
)
def test_65_parameters_are_refused_wherever_they_stand(query: bytes, form: bytes) -> None:
    with pytest.raises(TooManyParameters):
        read(query, form)


@pytest.mark.parametrize("value", [b"%FF", b"\xff", b"%ED%A0%80", b"%C0%80", b"caf%E9"])
def test_a_value_that_is_not_utf_8_is_refused_by_the_name_of_its_parameter(value: bytes) -> None:
    sent = RawParameters(b"user_id=" + value).parameters(without=())

    with pytest.raises(MalformedField, match="UTF-8") as caught:
        sent.take("user_id")

    assert caught.value.field == "user_id"
    assert sent.rest()["user_id"].isascii()  # and is kept in a readable form


@pytest.mark.parametrize("value", [b"a%00b", b"a\0b"])
def test_a_nul_is_refused_by_the_name_of_its_parameter(value: bytes) -> None:
    sent = RawParameters(b"user_id=" + value).parameters(without=())

    with pytest.raises(MalformedField, match="NUL") as caught:
        sent.take("user_id")

    assert caught.value.field == "user_id"
    assert sent.rest() == {"user_id": "a%00b"}


@pytest.mark.parametrize(
    ("name", "kept"),
    [(b"%FF", "%FF"), (b"a%00b", "a%00b"), (b"", NO_NAME), (b"n" * 257, "n" * 256)],
)
def test_a_name_that_is_no_name_is_kept_in_a_readable_form(name: bytes, kept: str) -> None:
    assert read(name + b"=1&a=2") == {kept: "1", "a": "2"}


@pytest.mark.parametrize("query", [b"a=1&amp;b=2", b"a=1&AMP;b=2", b"a=1&amp%3Bb=2&"])
def test_an_ampersand_from_html_belongs_to_no_name(query: bytes) -> None:
    assert read(query) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("value", ["%%aff_id%%", "%adid%", "S%F8ren", "a%00", "%ad_id% x"])
def test_a_value_that_is_no_text_is_kept_as_it_was_on_the_wire(value: str) -> None:
    assert read(f"sub={value}&user_id=u".encode()) == {"sub": value, "user_id": "u"}


def test_a_name_of_256_characters_is_one() -> None:
    assert read("é".encode() * 256 + b"=1") == {"é" * 256: "1"}


def test_names_are_told_apart_by_case() -> None:
    assert read(b"a=1&A=2") == {"a": "1", "A": "2"}


def test_what_is_taken_is_gone_and_the_rest_stays() -> None:
    parameters = Parameters({"user_id": "u", "colour": "red", "empty": ""})

    assert parameters.take("user_id") == "u"
    assert parameters.take("user_id") is None
    assert parameters.rest() == {"colour": "red", "empty": ""}


def test_an_empty_value_taken_is_none() -> None:
    assert Parameters({"a": ""}).take("a") is None


def test_other_spellings_are_the_same_parameter() -> None:
    assert Parameters({"sale_amout": "42"}).take("sale_amount", "sale_amout") == "42"
    assert Parameters({"a": "1", "b": "1"}).take("a", "b") == "1"
    assert Parameters({"a": "", "b": "1"}).take("a", "b") == "1"
    assert Parameters({"a": "1", "b": ""}).take("a", "b") == "1"


def test_two_spellings_with_different_values_are_a_conflict_named_as_documented() -> None:
    with pytest.raises(ConflictingValues) as caught:
        Parameters({"sale_amount": "1", "sale_amout": "2"}).take("sale_amount", "sale_amout")

    assert caught.value.field == "sale_amount"


@pytest.mark.parametrize("values", [{}, {"user_id": ""}])
def test_what_is_required_must_be_there_and_not_empty(values: dict[str, str]) -> None:
    with pytest.raises(MissingField) as caught:
        Parameters(values).require("user_id")

    assert caught.value.field == "user_id"


def test_a_value_kept_goes_with_the_rest() -> None:
    parameters = Parameters({"a": "1.0000001"})

    parameters.put_back("a", parameters.require("a"))

    assert parameters.rest() == {"a": "1.0000001"}


@pytest.mark.parametrize("query", [b"<b>x</b>=%FF", b"<b>x</b>=%00", b"<b>x</b>=1&<b>x</b>=2"])
def test_the_message_of_a_refusal_never_repeats_what_was_sent(query: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        RawParameters(query).parameters(without=()).take("<b>x</b>")

    assert "<b>" not in caught.value.message


queries = st.binary(max_size=300) | st.lists(
    st.sampled_from([b"&", b"=", b"%", b"+", b"%00", b"%FF", b"a", b"\xff", b"event_id"])
).map(b"".join)


@given(queries, queries)
def test_any_bytes_are_parameters_or_a_refusal_and_never_a_crash(query: bytes, form: bytes) -> None:
    try:
        kept = read(query, form)
    except RequestError:
        return

    for text in (*kept, *kept.values()):
        assert "\0" not in text
        text.encode()


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=10))
def test_what_a_sender_escapes_is_what_is_read(sent: list[tuple[str, str]]) -> None:
    def escape(text: str) -> bytes:
        return b"".join(b"%%%02X" % byte for byte in text.encode())

    query = b"&".join(escape(name) + b"=" + escape(value) for name, value in sent)
    pairs = [(name.encode(), value.encode()) for name, value in sent]

    assert pairs_of(read_pairs(query, b"")) == pairs


@given(queries, queries)
@example(b"a=1&a=2", b"")
@example(b"a=%zz&b=%4&c=100%", b"d=+%2B")
@example(b"=x", b"")
@example(b"%61=1&a%3D=2&b==3", b"c")
def test_what_is_read_at_once_is_what_is_read_pair_by_pair(query: bytes, form: bytes) -> None:
    falcon_query = parse_query_string(query.decode("latin-1"), keep_blank=True, csv=False)
    pairs = read_pairs(query, form)

    for sent in (
        RawParameters(query, form, 1_000),
        RawParameters(query, form, 1_000, falcon_query),
    ):
        assert sent.pairs() == pairs_of(pairs)
        for name in ("event_id", "a"):
            assert set(sent.values(name)) == {
                value for named, value, _ in pairs if named == name.encode() and value
            }
        assert outcome(partial(sent.parameters, without={"a"})) == outcome(
            lambda: Parameters.from_pairs(pair for pair in pairs if pair.name != b"a")
        )


def outcome(parameters: Callable[[], Parameters]) -> dict[str, str] | str:
    try:
        return parameters().rest()
    except RequestError as refusal:
        return refusal.message


def test_parameters_can_be_read_again() -> None:
    sent = RawParameters(b"user_id=u&token=t", b"")

    assert sent.parameters(without={"token"}).take("user_id") == "u"
    assert sent.parameters(without={"token"}).rest() == {"user_id": "u"}
    assert sent.pairs() == [(b"user_id", b"u"), (b"token", b"t")]
