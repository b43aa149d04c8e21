"""An identity provider on loopback: OpenID Connect with real signatures, as honest as a test wants.

The browser's part, being sent there and signing in, is `authorize`.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "waybill & console", "a secret/with: everything%"


@dataclass
class Issuer:
    """The provider. What a test sets makes it answer otherwise than it should."""

    port: int = 0
    keys: list[RSAKey] = field(default_factory=lambda: [new_key("1")])
    user: dict[str, Any] = field(
        default_factory=lambda: {
            "sub": "ada-4711",
            "email": "ada@example.com",
            "email_verified": True,
        }
    )
    claims: dict[str, Any] = field(default_factory=dict)  # in place of those of the ID token
    metadata: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    answers: dict[str, bytes] = field(default_factory=dict)  # by path, as they are
    raw: dict[str, bytes] = field(default_factory=dict)  # by path, with whatever is to be a head
    status: dict[str, int] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/realm"

    def authorize(self, address: str) -> str:
        """Signs the user in; returns the path and query to which the browser is sent back."""
        query = dict(parse_qsl(urlsplit(address).query))
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        back = urlsplit(query["redirect_uri"])
        return f"{back.path}?{urlencode({'code': code, 'state': query['state']})}"

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            **self.user,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign is not None:
            return self.sign(claims)
        key = self.keys[-1]
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)

    def describe(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "userinfo_endpoint": f"{self.url}/userinfo",
            **self.metadata,
        }

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        sent = base64.urlsafe_b64encode(challenge).decode().rstrip("=")
        pair = base64.b64encode(f"{quote(CLIENT, safe='')}:{quote(SECRET, safe='')}".encode())
        is_client = authorization == f"Basic {pair.decode()}" or (
            (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        )
        if asked is None or sent != asked.get("code_challenge") or not is_client:
            return 400, {"error": "invalid_grant"}
        if asked["code_challenge_method"] != "S256" or "openid" not in asked["scope"].split():
            return 400, {"error": "invalid_request"}
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "an access token", "id_token": self.id_token(asked["nonce"])}

    def answer(self, path: str, form: dict[str, str], authorization: str) -> tuple[int, bytes]:
        self.seen.append(path)
        if path in self.answers:
            return self.status.get(path, 200), self.answers[path]
        status, document = 404, {}
        match path:
            case "/realm/.well-known/openid-configuration":
                status, document = 200, self.describe()
            case "/realm/jwks":
                status, document = 200, dict(KeySet(list(self.keys)).as_dict(private=False))
            case "/realm/token":
                status, document = self.redeem(form, authorization)
            case "/realm/userinfo" if authorization == "Bearer an access token":
                status, document = 200, {"sub": self.user["sub"], **self.userinfo}
        return self.status.get(path, status), json.dumps(document).encode()


def new_key(number: str) -> RSAKey:
    return RSAKey.generate_key(2048, parameters={"kid": number, "use": "sig"})


def signed_by_secret(claims: dict[str, Any]) -> str:
    """Signs with what the client knows too, which proves nothing."""
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none", "typ": "JWT"}, claims)
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
    return ".".join(text.rstrip("=") for text in texts) + "."


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(dict(parse_qsl(body.decode())))

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self, form: dict[str, str]) -> None:
            authorization = self.headers.get("Authorization", "")
            if self.path in issuer.raw:
                self.wfile.write(issuer.raw[self.path])
                return
            status, body = issuer.answer(self.path, form, authorization)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{issuer.url}/jwks")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
