"""What PostgreSQL stores of a password."""

from base64 import b64decode

from shared.access.scram import scram_verifier


def test_the_verifier_is_that_of_the_example_of_the_rfc() -> None:
    """RFC 7677: the password `pencil`; its keys, as its messages of client and server imply."""
    verifier = scram_verifier("pencil", b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))

    assert verifier == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_every_verifier_has_a_salt_of_its_own() -> None:
    assert scram_verifier("secret") != scram_verifier("secret")
