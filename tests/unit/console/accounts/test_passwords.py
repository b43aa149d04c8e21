"""Tests which passwords are refused, and that hashes are verified."""

import pytest

from console.accounts.passwords import CHARACTERS_MAX, hash_password, is_password
from shared.errors import OperatorError

COMMON = (
    *("password1234", "Password1234!", "P@ssw0rd2024!", "p4ssw0rd1234", "drowssap4321"),
    *("passwordpassword", "Password-1234", "password password", "qwertyuiop12", "qwerty123456"),
    *("1q2w3e4r5t6y", "qazwsxedcrfv", "1qaz2wsx3edc4rfv", "123456789012", "11112222333344"),
    *("aaaaaaaaaaaa", "abababababab", "abcdefghijkl", "letmeinletmein", "iloveyou1234"),
    *("administrator", "trustno1trustno1", "welcome12345", "changeme1234", "admin12345678"),
    *("Summer2026!!", "football2026", "dragon123456", "monkeymonkey1", "waybillwaybill"),
    *("waybill-2026!", "adaadaadaada", "AdaAda123456", "hunter2hunter2"),
    *("WAYBILL-waybill-1", "ＰＡＳＳＷＯＲＤ１２３４", "Password 1 2 3 4", "p.a.s.s.w.o.r.d.1"),  # noqa: RUF001
)


@pytest.mark.parametrize("password", COMMON)
def test_a_password_that_guessers_try_first_is_refused(password: str) -> None:
    with pytest.raises(OperatorError, match="too easy to guess"):
        hash_password(password, ["Ada"])


def test_a_name_is_easy_to_guess_for_its_person_only() -> None:
    with pytest.raises(OperatorError, match="too easy to guess"):
        hash_password("zbyszkotrzcinski1", ["zbyszkotrzcinski"])
    assert hash_password("zbyszkotrzcinski1", ["Ada"])


@pytest.mark.parametrize(
    "password",
    [
        "Zanzipop2026!",
        "zanzipop-zanzipop",
        "Trcinski.Zbyszko.1",
        "zbyszkotrcinski1",
        "zanzi!pop!1a",
    ],
)
def test_parts_and_spellings_of_what_a_guesser_knows_are_easy_to_guess(password: str) -> None:
    with pytest.raises(OperatorError, match="too easy to guess"):
        hash_password(password, ["Zbyszko Trcinski", "z.trcinski@example.com", "Zanzi Pop"])


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "correcthorsebatterystaple",
        "vT9#kq2!mLw8",
        "four other words entirely",
        "ein Pferd liest drei Fahrpläne",
        "x" + "Kq7!" * 2 + "vn2Zp",
    ],
)
def test_words_and_random_characters_are_accepted_and_verified(password: str) -> None:
    stored = hash_password(password)

    assert is_password(stored, password)
    assert not is_password(stored, password[:-1])
    assert not is_password(None, password)


@pytest.mark.parametrize("password", ["vT9#kq2!mLw", "", "vT9#kq2!mLw8" * 20])
def test_a_password_that_is_too_short_or_too_long_is_refused(password: str) -> None:
    with pytest.raises(OperatorError, match=f"12 to {CHARACTERS_MAX} characters"):
        hash_password(password)
