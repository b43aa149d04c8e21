"""No secret stays in a text that is logged, and what is no secret stays readable."""

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from time import process_time
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.redaction import RedactionFilter, redact, redact_handlers
from shared.tokens import new_token

SECRET = "Zq7-hidden.9x"
NAMES = [
    "s2s_token",
    "s2stoken",
    "token",
    "web_token",
    "security_token",
    "access_token",
    "api_key",
    "apiKey",
    "X-Api-Key",
    "authorization",
    "Proxy-Authorization",
    "password",
    "WAYBILL_SECRET_KEY",
]
FORMS = {
    "query": "GET /postback?user_id=1&{name}={secret}&event_id=purchase HTTP/1.1",
    "form": "b'{name}={secret}&a=b'",
    "end": "{name}={secret}",
    "spaces": "{name} = {secret}",
    "list": "a[]=1&{name}[]={secret}",
    "header": "{name}: {secret}\r\nHost: a",
    "dict": "{{'{name}': '{secret}', 'a': 'b'}}",
    "pairs": "[(b'host', b'a'), (b'{name}', b'{secret}')]",
    "json": '{{"a": 1, "{name}": "{secret}"}}',
    "json in a string": '"{{\\"{name}\\": \\"{secret}\\"}}"',
    "xml": "<{name}>{secret}</{name}>",
    "two words": "{{'{name}': 'some {secret}'}}",
}


PIECES = [
    "token",
    "=",
    ":",
    '"',
    "'",
    "\\",
    " ",
    "&",
    "%3D",
    "%",
    "25",
    "wbs_",
    "wba",
    "_",
    "://",
    "@",
]
PIECES += ["Bearer ", "authorization", "cookie", "[", ",", "b'", "\n", "api_key", "é"]
SURROUNDINGS = st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_value_of_a_secret_name_is_masked(name: str, form: str) -> None:
    masked = redact(form.format(name=name, secret=SECRET))
    assert SECRET not in masked
    assert "***" in masked
    assert name in masked


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_address_within_a_parameter_hides_no_secret(name: str, times: int) -> None:
    text = f"https://a.example/?{name}={SECRET}&b=c"
    for _ in range(times):
        text = "https://b.example/?next=" + quote(text, safe="")
    assert SECRET not in redact(text)


@given(
    st.sampled_from(["s2s_token", "token", "api_key", "authorization"]),
    st.lists(st.sampled_from(["as it is", "upper", "%", "%25"]), min_size=13, max_size=13),
)
def test_a_percent_encoded_name_is_known(name: str, disguises: list[str]) -> None:
    disguised = "".join(map(_disguised, name, disguises))
    assert SECRET not in redact(f"/postback?a=b&{disguised}={SECRET}&c=d")


def _disguised(character: str, how: str) -> str:
    return {
        "as it is": character,
        "upper": character.upper(),
        "%": f"%{ord(character):02X}",
        "%25": f"%25{ord(character):02x}",
    }[how]


@given(SURROUNDINGS, SURROUNDINGS)
def test_our_own_tokens_are_known_wherever_they_stand(before: str, after: str) -> None:
    token = new_token()
    assert token not in redact(before + token + after)
    assert token[4:] not in redact(before + quote(token) + after)


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"Authorization: Basic {SECRET}",
        f"the scheme was Bearer {SECRET}",
        f"Cookie: a=b; session={SECRET}",
        f"redis://:{SECRET}@localhost:6379/0",
        f"postgresql://waybill:{SECRET}@db/waybill",
        f"wba_{'x' * 30} and wbs%5F{'x' * 30} {SECRET}".replace(SECRET, ""),
    ],
)
def test_other_credentials_are_masked(text: str) -> None:
    masked = redact(text)
    assert SECRET not in masked
    assert "xxx" not in masked


@pytest.mark.parametrize(
    "text",
    [
        "user_id=u1&event_id=purchase&sale_amount=12.50&idempotency_key=k1",
        "[2026-11-23 06:00:00 +0000] [12] [INFO] Listening at: http://127.0.0.1:8000 (12)",
        "The token is missing or not valid. Send one active token, in the Authorization header.",
        "Refused before they were requests: malformed_request 9.",
        "postgresql://waybill@db:5432/waybill",
        "token=&user_id=u1",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(SURROUNDINGS)
@example('://TOKEN:0"@')
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "piece", ["token ", '"token="', "%25", "wbs_%41", "://a:", "cookie=\\'", "token["]
)
def test_a_text_four_times_as_long_does_not_take_ten_times_as_long(piece: str) -> None:
    short, long = piece * 10_000, piece * 40_000
    assert _seconds(long) < 10 * _seconds(short)


def _seconds(text: str) -> float:
    taken = []
    for _ in range(3):
        begun = process_time()
        redact(text)
        taken.append(process_time() - begun)
    return min(taken)


# Log records


@dataclass
class Log:
    """A logger with one handler, and what that handler wrote."""

    logger: logging.Logger
    stream: io.StringIO

    @property
    def written(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def log() -> Iterator[Log]:
    logger, stream = logging.getLogger("tests.redaction"), io.StringIO()
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    redact_handlers(logger)
    yield Log(logger, stream)
    logger.removeHandler(handler)


def test_a_secret_in_the_arguments_is_masked(log: Log) -> None:
    log.logger.error("Invalid request line: %r %d", f"GET /postback?token={SECRET}", 400)
    assert log.written == "Invalid request line: 'GET /postback?token=***' 400\n"


def test_a_secret_in_an_exception_is_masked(log: Log) -> None:
    try:
        raise ValueError(f"cannot read token={SECRET}")
    except ValueError:
        log.logger.exception("Failed")
    assert "Traceback" in log.written
    assert "ValueError: cannot read token=***" in log.written
    assert SECRET not in log.written


def test_a_handler_cannot_format_the_exception_anew() -> None:
    fault = ValueError(SECRET)
    exc_info = (ValueError, fault, None)
    record = logging.LogRecord("a", logging.ERROR, "a.py", 1, "x %s", (SECRET,), exc_info)
    RedactionFilter().filter(record)
    assert (record.args, record.exc_info) == (None, None)


def test_arguments_that_do_not_fit_their_message_are_masked_too(log: Log) -> None:
    message, arguments = "one %s and %s", [f"token={SECRET}"]
    log.logger.error(message, *arguments)
    assert SECRET not in log.written
    assert "token=***" in log.written


def test_a_handler_gets_one_filter_however_often_it_is_asked_for(log: Log) -> None:
    redact_handlers(log.logger)
    assert len(log.logger.handlers[0].filters) == 1
