"""Splits a query, a form or a JSON document into names and values, before anything is required.

`&amp;` between parameters is what is left of a link that was pasted from HTML: `amp;NAME` is read
as `NAME`.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from itertools import chain
from typing import NamedTuple
from urllib.parse import quote_from_bytes, unquote_to_bytes

import msgspec

from shared.errors import ConflictingValues, MalformedField, TooManyParameters

PARAMETERS_MAX = 64
BEYOND = "(beyond the limit)"  # the name under which a click keeps what was too much
_HTML_AMPERSANDS = re.compile(rb"(?:amp;)*", re.IGNORECASE)
_PLAIN_EXPONENT_MAX = 40  # a number written out has no more digits than an amount may have

_READABLE = "".join(map(chr, range(0x21, 0x7F)))  # what a readable form leaves as it is
_NO_OBJECT = "is not one JSON object in UTF-8. Correct it, or send a form."

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])

_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_HEX = "0123456789abcdefABCDEF"
_BYTES = {f"%{a}{b}".encode(): bytes.fromhex(a + b) for a in _HEX for b in _HEX}


class SentPair(NamedTuple):
    """A name and its value, unescaped, and the value as it was on the wire."""

    name: bytes
    value: bytes
    wire: bytes


def read_pairs(query: bytes, form: bytes) -> list[SentPair]:
    """Splits and unescapes query and form."""
    pairs = []
    for part in chain(query.split(b"&"), form.split(b"&")):
        if not part:
            continue
        name, _, wire = part.partition(b"=")
        value = wire
        if b"%" in part or b"+" in part:
            name, value = unescape(name), unescape(wire)
        pairs.append(SentPair(without_ampersand(name), value, wire))
    return pairs


def link_query(query: bytes, link_names: tuple[str, str] | None) -> bytes:
    """Returns the query of a link, read as it was meant where it was damaged around the two names.

    Trackers put `?sub=x` behind any address, also behind one that has a query; a second question
    mark, and what else separates parameters, ends the value of a link's name. A query that was
    encoded as a whole, or whose names were, is decoded; capitals and spaces are no part of a name.
    """
    if link_names is None:
        return query
    form = _link_form(link_names)
    if form.separators.search(query):
        query = form.ends.sub(rb"\1&", query)
    if all(name.search(query) for name in form.names):
        return query
    text = _unquoted(query) if b"%" in query else query
    repaired = form.spelled.sub(lambda found: b"%b%b=" % (found[1], found[2].lower()), text)
    return repaired if all(name.search(repaired) for name in form.names) else query


class _LinkForm(NamedTuple):
    """The patterns by which the names of a link are found in a query."""

    separators: re.Pattern[bytes]
    ends: re.Pattern[bytes]
    names: tuple[re.Pattern[bytes], ...]
    spelled: re.Pattern[bytes]


@cache
def _link_form(link_names: tuple[str, str]) -> _LinkForm:
    names = [re.escape(name).encode() for name in link_names]
    either = b"|".join(names)
    separator = rb"\?|%3F|%26(?:amp(?:;|%3B))?|;|#|%23|\\u0026"
    return _LinkForm(
        re.compile(separator, re.IGNORECASE),
        re.compile(rb"(\b(?:%b)=[^&?%%;#\\]*)(?:%b)" % (either, separator), re.IGNORECASE),
        tuple(re.compile(rb"(?:^|[&;])%b=" % name) for name in names),
        re.compile(rb"(^|&)(?:[ +]|\xef\xbb\xbf|amp;)*(%b)(?:\[\])?=" % either, re.IGNORECASE),
    )


def require_few(query: bytes, form: bytes, others: int, parameters_max: int) -> None:
    """Raises TooManyParameters for more than there may be, `others` among them."""
    if query.count(b"&") + form.count(b"&") + 2 + others <= parameters_max:
        return
    count = sum(1 for part in chain(query.split(b"&"), form.split(b"&")) if part)
    if count + others > parameters_max:
        raise TooManyParameters(parameters_max)


def without_excess(
    pairs: Sequence[SentPair], parameters_max: int, kept_first: Mapping[bytes, int]
) -> list[SentPair]:
    """Keeps as many pairs as there may be; what is left becomes one more, BEYOND.

    Those of `kept_first` are kept before the others, in the order of its values.
    """
    last = len(kept_first)
    ranked = sorted(pairs, key=lambda pair: kept_first.get(pair.name, last))
    kept, others = ranked[:parameters_max], ranked[parameters_max:]
    # What has a rank may be a token, which is never stored.
    rest = b"&".join(
        b"%b=%b" % (pair.name, pair.wire) for pair in others if pair.name not in kept_first
    )
    return [*kept, SentPair(BEYOND.encode(), rest, rest)]


def json_pairs(body: bytes) -> list[SentPair]:
    """Reads a JSON object; numbers are written out, objects and lists stay JSON, null is empty.

    Raises MalformedField, ConflictingValues for a name that comes twice.
    """
    try:
        values = _decoder.decode(body)
        names = [name for name, _ in json.loads(body, object_pairs_hook=list)]
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise MalformedField("body", _NO_OBJECT) from error
    if len(names) != len(values):
        # A body of 1 MiB may have 100,000 names: one pass, or it holds the event loop for a minute.
        raise ConflictingValues(next(name for name, count in Counter(names).items() if count > 1))
    try:
        return json_value_pairs(values)
    except UnicodeEncodeError as error:
        raise MalformedField("body", _NO_OBJECT) from error


def json_value_pairs(values: Mapping[str, msgspec.Raw]) -> list[SentPair]:
    """Reads the values of a JSON object that was decoded, as `json_pairs` does.

    Raises UnicodeError or msgspec.DecodeError for a text that is no Unicode.
    """
    raws = map(bytes, values.values())
    return [
        SentPair(without_ampersand(name.encode()), _json_text(raw), raw)
        for name, raw in zip(values, raws, strict=True)
    ]


def text_pairs(values: Mapping[str, str]) -> list[SentPair]:
    """Returns texts, as they come in a path, as pairs."""
    texts = [(name.encode(), value.encode(errors="replace")) for name, value in values.items()]
    return [SentPair(name, text, text) for name, text in texts]


def without_ampersand(name: bytes) -> bytes:
    """Returns a parameter's name without what HTML left in front of it."""
    # A body may have 40,000 names, nearly all without: the expression would double their cost.
    if name[:4].lower() != b"amp;":
        return name
    left = _HTML_AMPERSANDS.match(name)
    return name[left.end() :] if left else name


def unescape(text: bytes) -> bytes:
    """Undoes percent-encoding and the plus for a space."""
    if b"+" in text:
        text = text.replace(b"+", b" ")
    return _unquoted(text) if b"%" in text else text


def _json_text(raw: bytes) -> bytes:
    if raw.isdigit():
        return raw
    if raw == b"null":
        return b""
    if raw[:1] == b'"':
        return msgspec.json.decode(raw, type=str).encode()
    if raw[:1] in b"{[tf" or not raw.lower().count(b"e"):
        return raw
    try:
        number = Decimal(raw.decode())
    except InvalidOperation:
        return raw
    return raw if abs(number.adjusted()) > _PLAIN_EXPONENT_MAX else f"{number:f}".encode()


def pairs_of(pairs: Sequence[SentPair]) -> list[tuple[bytes, bytes]]:
    """Returns names and values alone."""
    return [(pair.name, pair.value) for pair in pairs]


def text_of(raw: bytes) -> str | None:
    """Returns a text that PostgreSQL can store; None if these bytes are none."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def readable_form(wire: bytes) -> str:
    """Returns bytes in a readable form: percent-encoded, as far as they are not so already."""
    return quote_from_bytes(wire, safe=_READABLE + " ")


def _unquoted(text: bytes) -> bytes:
    # urllib's stops at each sign, also where nothing is escaped: half a second for half a million.
    if b"%%" in text:
        return _ESCAPE.sub(lambda found: _BYTES[found[0]], text)
    return unquote_to_bytes(text)
