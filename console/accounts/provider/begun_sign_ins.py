"""Sign-ins by the identity provider that are under way: each is kept by the browser that began it.

What the return has to fit is sealed under the installation's key and given to the browser. Nothing
of it is stored here, so that nobody can push out what others have begun.
"""

import hmac
from dataclasses import dataclass, replace

import msgspec
from joserfc import jwe
from joserfc.jwk import OctKey

from console.accounts.provider.provider import UNREADABLE, ProviderRefused, ProviderRequest
from shared.keys.installation_key import accepted_digests
from shared.tokens import token_digest

MINUTES_MAX = 10
SEALED_CHARACTERS_MAX = 3_800  # browsers keep cookies of 4,096 bytes, with their name
_HEADER = {"alg": "dir", "enc": "A256GCM"}


@dataclass(frozen=True)
class BegunSignIn:
    """A sign-in that was begun: what the answer has to fit, and where it leads.

    `address` is where the attempt came from.
    """

    state: str
    nonce: str
    verifier: str
    address: str
    back: str
    begun_ms: int


def seal_begun(
    secret_key: bytes, browser: str, request: ProviderRequest, origin: tuple[str, str], now_ms: int
) -> str:
    """Returns what a browser, known by its secret, keeps of a sign-in until it comes back.

    `origin` is the address that it begins from, and the path that it leads to. A path too long for
    a cookie is left out.
    """
    address, back = origin
    begun = BegunSignIn(request.state, request.nonce, request.verifier, address, back, now_ms)
    sealed = _sealed(secret_key, browser, begun)
    if len(sealed) <= SEALED_CHARACTERS_MAX:
        return sealed
    return _sealed(secret_key, browser, replace(begun, back="/"))


def open_begun(
    secret_key: bytes, browser: str, sealed: str, state: str, now_ms: int
) -> BegunSignIn:
    """Returns the sign-in that this browser has begun with this state. Raises ProviderRefused."""
    for key in accepted_digests(secret_key, _purpose(browser)):
        try:
            opened = jwe.decrypt_compact(
                sealed, OctKey.import_key(key), algorithms=[*_HEADER.values()]
            )
            begun = msgspec.json.decode(opened.plaintext or b"", type=BegunSignIn)
        except UNREADABLE:
            continue
        is_recent = begun.begun_ms > now_ms - MINUTES_MAX * 60_000
        if is_recent and hmac.compare_digest(begun.state.encode(), state.encode()):
            return begun
    raise ProviderRefused("The sign-in took too long, or was begun elsewhere. Begin anew.")


def _sealed(secret_key: bytes, browser: str, begun: BegunSignIn) -> str:
    key = OctKey.import_key(token_digest(secret_key, _purpose(browser)))
    return jwe.encrypt_compact(_HEADER, msgspec.json.encode(begun), key)


def _purpose(browser: str) -> bytes:
    return f"sign-in by a provider {browser}".encode()
