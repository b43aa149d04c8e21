"""Masks secrets in text, for everything that is logged.

Tokens travel in query strings, forms and headers, so they appear in request lines, addresses of
referring pages, dumps of headers and exception texts, often percent-encoded, sometimes twice.
Whatever looks like a secret is masked, wherever it appears; masking too much is the safer mistake.
"""

import logging
import re

MASK = "***"

# A name matches with any prefix: `s2s_token`, `X-Api-Key` and `app_token` are covered.
_VALUE_NAMES = (
    "token",
    "api_key",
    "api-key",
    "apikey",
    "secret",
    "secret_key",
    "password",
    "writekey",
)
# Their values may have several words: they are masked to the end of the line or of the quotes.
_LINE_NAMES = ("authorization", "cookie")

_PERCENT = "%(?:25)*"  # a percent sign, encoded any number of times


def _any_of(names: tuple[str, ...]) -> str:
    """Returns a pattern for the names, each character plain or percent-encoded."""

    def encodable(character: str) -> str:
        codes = f"{ord(character.lower()):02x}|{ord(character.upper()):02x}"
        return f"(?:{re.escape(character)}|{_PERCENT}(?:{codes}))"

    return "(?:" + "|".join("".join(map(encodable, name)) for name in names) + ")"


_QUOTE = r"\\*[\"']"
_ENCODED_QUOTE = rf"(?:{_QUOTE}|{_PERCENT}2[27])"
# `name=value`, `name[] = value`, `Name: value`, `"name": "value"`, `(b'name', b'value')`, `<name>`.
_GAP = rf"(?:[ \t+\[\]]|{_PERCENT}(?:20|2b|5b|5d))*"
_SIGN = rf"(?:{_ENCODED_QUOTE}?{_GAP}(?:[=:>]|{_PERCENT}3[ade])|{_QUOTE}[ \t]*,)"
_SEPARATOR = rf"{_SIGN}{_GAP}(?:b(?={_QUOTE}))?"
# The rest up to the same quote, which may itself be escaped: logs contain JSON inside strings.
_QUOTED = rf"(?P<quote>{_QUOTE})(?:(?!(?P=quote))(?:\\.|[^\r\n]))*"
_WORD = r"[^\s&\"'<>]+"
_LINE = r"[^\r\n\"']+"

_NAMED_VALUE = re.compile(
    rf"(?P<name>{_any_of(_VALUE_NAMES)}{_SEPARATOR})(?:{_QUOTED}|{_WORD})", re.IGNORECASE
)
_NAMED_LINE = re.compile(
    rf"(?P<name>{_any_of(_LINE_NAMES)}{_SEPARATOR})(?:{_QUOTED}|{_LINE})", re.IGNORECASE
)
# The rest of a token is base62; with the underscore, one prefix after another hides nothing.
_REST = rf"(?:[0-9a-z_]|{_PERCENT}[0-9a-f]{{2}})+"
_OWN_TOKEN = re.compile(rf"(wb[a-z](?:_|{_PERCENT}5f)){_REST}", re.IGNORECASE)
_SCHEME = re.compile(r"\b(Bearer|Basic)\s+[^\s\"']+", re.IGNORECASE)
_PASSES_MAX = 8
# No pattern matches a text without one of these. Most texts have none, and are checked 20 times as
# fast as by the patterns.
_TELLING = re.compile(r"[=:>,%]|wb[a-z]_|(?:bearer|basic)\s", re.IGNORECASE)
# Singular's key has a name of one letter, which is one only where a query has it.
_SHORT_NAME = re.compile(r"(?P<sign>[?&]a=)[^\s&\"'<>]+")
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")


def redact(text: str) -> str:
    """Replaces every secret in the text by three asterisks; the names of the secrets stay."""
    if _TELLING.search(text) is None:
        return text
    # A mask can let another pattern match its secret, so this repeats until nothing changes.
    for _ in range(_PASSES_MAX):
        before = text
        text = _NAMED_LINE.sub(_masked, text)
        text = _NAMED_VALUE.sub(_masked, text)
        text = _OWN_TOKEN.sub(rf"\1{MASK}", text)
        text = _SCHEME.sub(rf"\1 {MASK}", text)
        text = _SHORT_NAME.sub(rf"\g<sign>{MASK}", text)
        text = _URL_PASSWORD.sub(rf"\1{MASK}", text)
        if text == before:
            break
    return text


def _masked(match: re.Match[str]) -> str:
    return match["name"] + (match["quote"] or "") + MASK


class RedactionFilter(logging.Filter):
    """A filter that redacts everything of a record: message, arguments, exception and stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):
            # Arguments that do not fit their message; logging itself would print them unchanged.
            message = f"{record.msg} {record.args}"
        record.msg = redact(message)
        record.args = None
        if record.exc_info:
            # Only as text: a handler that formats the exception again would show it in full.
            record.exc_text = record.exc_text or logging.Formatter().formatException(
                record.exc_info
            )
            record.exc_info = None
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


def redact_handlers(target: logging.Logger) -> None:
    """Adds the filter to every handler of the logger, once."""
    for handler in target.handlers:
        if not any(isinstance(present, RedactionFilter) for present in handler.filters):
            handler.addFilter(RedactionFilter())
