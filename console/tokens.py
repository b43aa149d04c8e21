"""Tokens: each authorises a sender for one app.

Every change reaches ingest, or is not made. Nothing here keeps a token, and no message repeats one.
"""

from dataclasses import dataclass
from datetime import datetime

from console.apps import App
from console.installation import Installation
from console.labels import has_control_characters, label
from console.publication import published
from shared.database import Connection
from shared.errors import OperatorError
from shared.tokens import PREFIX, TOKEN_BYTES_MAX, is_own_form, mask, new_token, token_digest

NAME_CHARACTERS_MAX = 100
SAFE_BYTES_MIN = 16  # below this a brought-along token can be found by trying


@dataclass(frozen=True)
class Token:
    """What is kept of a token. A test token's events are of the sandbox."""

    id: int
    name: str
    masked: str
    test: bool
    created_at: datetime
    revoked_at: datetime | None

    @property
    def active(self) -> bool:
        return self.revoked_at is None


@dataclass(frozen=True)
class NewToken:
    """A token just made, with its secret: the only time that anybody sees it."""

    token: Token
    secret: str


def create_token(installation: Installation, app: App, name: str, *, test: bool) -> NewToken:
    """Raises OperatorError when the name is taken or the change could not be published."""
    secret = new_token()
    return NewToken(import_token(installation, app, name, secret, test=test), secret)


def import_token(
    installation: Installation, app: App, name: str, secret: str, *, test: bool
) -> Token:
    """Let a team keep the token that its senders hold, as `read_secret` read it.

    Raises OperatorError when the name or the token is taken, or the change could not be published.
    """
    name = label("--name", name, NAME_CHARACTERS_MAX)
    digest = token_digest(installation.secret_key, secret.encode())
    with published(installation):
        row = installation.connection.execute(
            """
            INSERT INTO tokens (app_id, name, digest, masked, test) VALUES (%s, %s, %s, %s, %s)
            ON CONFLICT DO NOTHING
            RETURNING id, name, masked, test, created_at, revoked_at
            """,
            (app.id, name, digest, mask(secret), test),
        ).fetchone()
        if row is None:
            raise _refusal(installation.connection, app, name)
    return Token(*row)


def read_secret(line: bytes) -> str:
    """The token in a line of input, without the line end. Raises OperatorError, which hides it."""
    token = line.removesuffix(b"\n").removesuffix(b"\r")
    if not 1 <= len(token) <= TOKEN_BYTES_MAX:
        raise OperatorError(f"The token must have 1 to {TOKEN_BYTES_MAX} bytes, on one line.")
    try:
        secret = token.decode()
    except UnicodeDecodeError:
        raise OperatorError("The token must be UTF-8 text.") from None
    if has_control_characters(secret) or secret != secret.strip():
        # HTTP drops the spaces around a header's value: such a token could never match.
        raise OperatorError(
            "The token must be one line, without control characters and spaces around it."
        )
    if secret.startswith(PREFIX) and not is_own_form(secret):
        raise OperatorError("This is a Waybill token with a slip in it. Copy the whole of it.")
    return secret


def list_tokens(connection: Connection, app: App) -> list[Token]:
    """In the order they were made; revoked ones too."""
    rows = connection.execute(
        """
        SELECT id, name, masked, test, created_at, revoked_at FROM tokens
        WHERE app_id = %s
        ORDER BY id
        """,
        (app.id,),
    )
    return [Token(*row) for row in rows]


def revoke_token(installation: Installation, app: App, name: str) -> Token:
    """From within a second on no request with it is accepted. Again is no error: the first holds.

    Raises OperatorError when the app has no such token or the change could not be published.
    """
    with published(installation):
        row = installation.connection.execute(
            """
            UPDATE tokens SET revoked_at = coalesce(revoked_at, now())
            WHERE app_id = %s AND name = %s
            RETURNING id, name, masked, test, created_at, revoked_at
            """,
            (app.id, label("The name", name, NAME_CHARACTERS_MAX)),
        ).fetchone()
        if row is None:
            raise OperatorError("The app has no token of this name. See `waybill token list`.")
    return Token(*row)


def _refusal(connection: Connection, app: App, name: str) -> OperatorError:
    """Why there was no room for the token, without a word on where else it may be."""
    taken = connection.execute(
        "SELECT FROM tokens WHERE app_id = %s AND name = %s", (app.id, name)
    ).fetchone()
    if taken is not None:
        return OperatorError(
            "The app has a token of this name, active or revoked. Choose another name."
        )
    return OperatorError(
        "This token is already in use in this installation, or was revoked in it. "
        "Make a new one with `waybill token create`."
    )
