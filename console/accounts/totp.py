"""Codes of the second step of signing in: those of an authenticator (RFC 6238), and for recovery.

An authenticator scans the secret as a QR code once, and shows a new code every 30 seconds. A
recovery code has 80 random bits, so that its bare digest tells nobody what it was.
"""

import base64
import hmac
import secrets
from hashlib import sha256

import pyotp
import segno

SECRET_BYTES = 20  # what RFC 4226 recommends, and every authenticator reads
STEP_SECONDS = 30
DRIFT_STEPS_MAX = 1  # a clock that is half a minute off is one that people have
RECOVERY_CODES = 10
CODE_CHARACTERS_MAX = 40

_ISSUER = "Waybill"
_RECOVERY_BYTES = 10
_GROUP = 4


def setup_uri(secret: bytes, name: str) -> str:
    """Returns the address that an authenticator reads from a QR code."""
    return _generator(secret).provisioning_uri(name=name, issuer_name=_ISSUER)


def secret_text(secret: bytes) -> str:
    """Returns the secret as people type it where they cannot scan, in groups."""
    return _grouped(base64.b32encode(secret).decode(), " ")


def qr_code(text: str) -> str:
    """Returns a QR code as markup of an SVG image, black on white on any background."""
    code = segno.make(text, error="m", micro=False)
    return code.svg_inline(scale=4, border=4, dark="#000", light="#fff")


def matching_step(secret: bytes, code: str, now_ms: int, after_step: int) -> int | None:
    """Returns the step whose code this is, if it is about now and later than one used before."""
    generator, now_step = _generator(secret), now_ms // 1000 // STEP_SECONDS
    found = None
    # All are compared, so that the time does not tell which was close.
    for step in range(max(now_step - DRIFT_STEPS_MAX, 0), now_step + DRIFT_STEPS_MAX + 1):
        expected = generator.generate_otp(step)
        if hmac.compare_digest(expected.encode(), code.encode()) and step > after_step:
            found = step
    return found


def new_recovery_codes() -> list[str]:
    """Generates the recovery codes of a person."""
    random = (secrets.token_bytes(_RECOVERY_BYTES) for _ in range(RECOVERY_CODES))
    return [_grouped(base64.b32encode(each).decode().lower(), "-") for each in random]


def recovery_digest(person_id: int, code: str) -> bytes:
    """Returns the digest of a recovery code, by which it is stored."""
    return sha256(f"waybill recovery code {person_id} {code}".encode()).digest()


def typed_code(text: str) -> str:
    """Returns a code without the spaces and hyphens between which people type it."""
    return "".join(text.split()).replace("-", "").lower()


def _generator(secret: bytes) -> pyotp.TOTP:
    return pyotp.TOTP(base64.b32encode(secret).decode(), interval=STEP_SECONDS)


def _grouped(text: str, between: str) -> str:
    return between.join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
