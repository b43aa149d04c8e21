"""The identity provider of an installation: OpenID Connect's code flow with PKCE, state and nonce.

The library is authlib, which checks the claims of an ID token, with joserfc for its signature. Only
signatures by a key that the provider alone has are taken: none that our own secret could make.
"""

import base64
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import MsgspecError

from console.accounts.provider.provider_http import ProviderUnavailable, call
from shared.accounts.account_settings import AccountSettings, is_safe_issuer
from shared.clock import Clock
from shared.errors import WaybillError

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
LEEWAY_SECONDS = 60
METADATA_SECONDS_MAX = 3_600.0
CALLS_AT_ONCE_MAX = 2  # each holds a thread and a connection to PostgreSQL for seconds
_SCOPES = "openid email profile"
_FORM = "application/x-www-form-urlencoded"

# Whatever a document of another shape than the protocol's makes of those who read it.
UNREADABLE = (
    *(JoseError, MsgspecError, ValueError, TypeError, LookupError, AttributeError),
    RecursionError,
)

Call = Callable[[str, Mapping[str, str], bytes | None], dict[str, Any]]


class ProviderRefused(WaybillError):
    """A sign-in by the provider that lets nobody in."""

    code = "provider_refused"
    status = 403


@dataclass(frozen=True)
class ProviderRequest:
    """A sign-in that was begun: where the browser goes, and what its return has to fit."""

    address: str = field(repr=False)
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class ProviderIdentity:
    """The person whom a provider has authenticated; `email` is empty unless it verified it."""

    issuer: str
    subject: str
    email: str = field(repr=False)


@dataclass(frozen=True)
class Discovered:
    """The provider's description of itself and its keys, and when they were read."""

    metadata: Mapping[str, Any]
    keys: KeySet
    read_ms: int


class Provider:
    """A provider, as the settings name it. What it says of itself is kept for an hour."""

    def __init__(
        self, settings: AccountSettings, return_url: str, now: Clock, call_: Call = call
    ) -> None:
        self._settings = settings
        self._return_url = return_url
        self._now = now
        self._call = call_
        self._known: Discovered | None = None
        self._room = threading.BoundedSemaphore(CALLS_AT_ONCE_MAX)

    def begin(self) -> ProviderRequest:
        """Begins a sign-in. Raises ProviderUnavailable."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        with self._calling():
            endpoint = _text(self._discover().metadata, "authorization_endpoint")
            if not is_safe_issuer(endpoint):
                raise ProviderUnavailable("it names an address without https")
            address = prepare_grant_uri(
                endpoint,
                self._settings.oidc_client_id,
                "code",
                redirect_uri=self._return_url,
                scope=_SCOPES,
                state=state,
                nonce=nonce,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
            )
        return ProviderRequest(str(address), state, nonce, verifier)

    def finish(self, code: str, nonce: str, verifier: str, issuer: str = "") -> ProviderIdentity:
        """Returns who has signed in, by the code that the browser brought back.

        `issuer` is what the return names, if anything (RFC 9207). Raises ProviderUnavailable and
        ProviderRefused.
        """
        if issuer and issuer != self._settings.oidc_issuer:
            raise ProviderRefused("This sign-in comes from another service than it was begun at.")
        with self._calling():
            known = self._discover()
            tokens = self._redeem(known.metadata, code, verifier)
            claims = self._verify(_text(tokens, "id_token"), nonce, tokens)
            if "email" not in claims and "userinfo_endpoint" in known.metadata:
                claims = {**self._more(known.metadata, tokens, claims), **claims}
        email = claims.get("email")
        # Only ASCII: PostgreSQL folds a few other letters to those of somebody else's address.
        is_text = isinstance(email, str) and email.isascii()
        is_verified = claims.get("email_verified") is True and is_text
        return ProviderIdentity(
            self._settings.oidc_issuer,
            _text(claims, "sub"),
            str(email).strip() if is_verified else "",
        )

    @contextmanager
    def _calling(self) -> Iterator[None]:
        """Bounds the calls at once, and names what no provider should answer as its fault."""
        if not self._room.acquire(blocking=False):
            raise ProviderUnavailable("too many people sign in at once, try again")
        try:
            yield
        except UNREADABLE:
            raise ProviderUnavailable("its answer is not as the protocol has it") from None
        finally:
            self._room.release()

    def _discover(self, *, again: bool = False) -> Discovered:
        known, issuer = self._known, self._settings.oidc_issuer
        is_fresh = known is not None and self._now() - known.read_ms < METADATA_SECONDS_MAX * 1000
        if known is not None and is_fresh and not again:
            return known
        metadata = self._call(get_well_known_url(issuer, external=True), {}, None)
        if metadata.get("issuer") != issuer:
            raise ProviderUnavailable("it calls itself by another name than WAYBILL_OIDC_ISSUER")
        try:
            keys = KeySet.import_key_set(self._call(_text(metadata, "jwks_uri"), {}, None))  # type: ignore[arg-type]
        except UNREADABLE:
            raise ProviderUnavailable("its keys cannot be read") from None
        self._known = Discovered(metadata, keys, self._now())
        return self._known

    def _redeem(self, metadata: Mapping[str, Any], code: str, verifier: str) -> dict[str, Any]:
        """Changes the code for tokens, as a client that proves itself and who began."""
        client, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        body = prepare_token_request(
            "authorization_code", redirect_uri=self._return_url, code=code, code_verifier=verifier
        )
        headers = {"Content-Type": _FORM}
        if "client_secret_basic" in methods and secret:
            pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            own = {"client_id": client} | ({"client_secret": secret} if secret else {})
            body = f"{body}&{urlencode(own)}"
        return self._call(_text(metadata, "token_endpoint"), headers, str(body).encode())

    def _verify(self, id_token: str, nonce: str, tokens: Mapping[str, Any]) -> dict[str, Any]:
        """Returns the claims of an ID token for us, now and for this sign-in."""
        issuer, client = self._settings.oidc_issuer, self._settings.oidc_client_id
        try:
            token = self._decode(id_token)
            claims = CodeIDToken(
                token.claims,
                token.header,
                {
                    "iss": {"essential": True, "value": issuer},
                    "aud": {"essential": True, "value": client},
                },
                {
                    "nonce": nonce,
                    "client_id": client,
                    "access_token": tokens.get("access_token"),
                },
            )
            claims.validate(self._now() // 1000, LEEWAY_SECONDS)
        except UNREADABLE:
            raise ProviderRefused(
                "The sign-in service sent something that it cannot have meant for this console."
            ) from None
        return dict(claims)

    def _decode(self, id_token: str) -> jwt.Token:
        """Checks the signature; a key that is not known may be newer than what was read."""
        try:
            return jwt.decode(id_token, self._discover().keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            keys = self._discover(again=True).keys
            return jwt.decode(id_token, keys, algorithms=ALGORITHMS)

    def _more(
        self, metadata: Mapping[str, Any], tokens: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Asks for the claims that the ID token lacks; they have to be about the same person."""
        bearer = {"Authorization": f"Bearer {_text(tokens, 'access_token')}"}
        more = self._call(_text(metadata, "userinfo_endpoint"), bearer, None)
        return more if more.get("sub") == claims.get("sub") else {}


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value:
        raise ProviderUnavailable(f"its answer has no {name}")
    return value
