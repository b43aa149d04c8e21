import pytest

from console.security.new_tokens import read_secret
from shared.errors import OperatorError
from shared.tokens import new_token


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_line_end_is_no_part_of_a_token(end: bytes) -> None:
    assert read_secret(b"s2sTokenForTheStoreApp" + end) == "s2sTokenForTheStoreApp"


def test_a_token_may_have_any_form_up_to_256_bytes() -> None:
    assert read_secret("ü ~=&%".encode()) == "ü ~=&%"
    assert read_secret(b"x" * 256 + b"\n") == "x" * 256
    assert read_secret(own := new_token().encode()) == own.decode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"x" * 257,
        b"two\nlines",
        b"nul\x00",
        b"tab\t",
        b"\xff\xfe",
        b" hunter2 ",
        pytest.param(new_token().encode()[:-1], id="cut short"),
    ],
)
def test_what_no_request_could_carry_is_refused_without_repeating_it(line: bytes) -> None:
    with pytest.raises(OperatorError, match="token") as refusal:
        read_secret(line)

    assert line.strip() == b"" or line.decode(errors="replace") not in str(refusal.value)
