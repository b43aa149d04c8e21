"""Collects the credentials that a request shows: tokens, and the link or app that it names."""

from collections.abc import Iterable

import msgspec

from ingest.dialects.dialect import Sender, is_yes
from ingest.parameters import RawParameters
from shared.errors import ConflictingValues, MissingField
from shared.placeholders import is_no_id
from shared.scopes import Scope
from shared.snapshot import LinkKey


class AppCredential(msgspec.Struct, frozen=True):
    """The app that a request names, and the scope that sending to this endpoint takes.

    Without a scope it is an SDK that names the app, and shows nothing else.
    """

    app_token: str
    scope: Scope | None


class NetworkCredential(msgspec.Struct, frozen=True):
    """The sign of a network in place of a token: its security token, or a click of the app.

    `click_id` is empty where the call names a user besides: only a token speaks for users.
    """

    security_tokens: set[bytes]
    click_id: str


class Credentials(msgspec.Struct, frozen=True):
    """The tokens found in a request, each once, and the link or app that it names.

    `by_program` tells that nobody who follows the link waits for a redirect. `network` is only
    looked at without a token. `takes_sdk` tells that the token may be the public one of an SDK, and
    `by_sdk` that it has to be.
    """

    tokens: set[bytes]
    link: LinkKey | None
    app: AppCredential | None = None
    by_program: bool = False
    network: NetworkCredential | None = None
    takes_sdk: bool = False
    by_sdk: bool = False


def credentials_of(
    raw: RawParameters, authorization: str | None, sender: Sender, token: str | None = None
) -> Credentials:
    """Collects the credentials that a request shows, as its sender sends them.

    `token` is the one of the sender's own header.
    Raises MissingField, ConflictingValues for a link or app named by half, twice or not at all.
    """
    tokens = set() if sender.is_sdk else _tokens(raw, authorization, sender.token_names)
    if token and token.strip():
        tokens.add(token.strip().encode("latin-1", "replace"))
    if sender.app_scope is not None or sender.is_sdk:
        app_token = _value(raw, "app_token")
        if not app_token:
            raise MissingField("app_token", "Send the app token that `waybill app list` shows.")
        return Credentials(tokens, None, AppCredential(app_token, sender.app_scope))
    if sender.link_names is None:
        if not tokens:
            return Credentials(tokens, None, network=_network(raw, sender.network_token_name))
        named = [_value(raw, name) for name in sender.named_link or ()]
        return Credentials(tokens, LinkKey(*named) if any(named) else None, by_program=True)
    names = sender.link_names
    values = [_value(raw, name) for name in names]
    if tokens and not any(values):
        return Credentials(tokens, None, takes_sdk=True)
    for name, value in zip(names, values, strict=True):
        if not value:
            raise MissingField(name, f"Send {' and '.join(names)} of a link, or a token.")
    answer = raw.values(sender.no_redirect_name) if sender.no_redirect_name else ()
    by_program = any(is_yes(value.decode(errors="replace")) for value in answer)
    return Credentials(tokens, LinkKey(*values), by_program=by_program)


def _tokens(raw: RawParameters, authorization: str | None, names: Iterable[str]) -> set[bytes]:
    tokens: set[bytes] = set()
    for name in names:
        tokens.update(raw.values(name))
    if authorization:
        # Swaarm sends the bare token, Adjust "Bearer <token>": both are accepted everywhere.
        scheme, _, rest = authorization.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else authorization.strip()
        if token:
            tokens.add(token.encode("latin-1", "replace"))
    return tokens


def _network(raw: RawParameters, token_name: str | None) -> NetworkCredential | None:
    """Collects what a network shows; of two clicks or users, it shows none."""
    if token_name is None:
        return None
    tokens = set(raw.values(token_name))
    click_ids, user_ids = (
        {value.decode(errors="replace").strip() for value in raw.values(name)}
        for name in ("click_id", "user_id")
    )
    users = {user_id for user_id in user_ids - click_ids if not is_no_id(user_id)}
    click_id = "" if users or len(click_ids) != 1 else click_ids.pop()
    return NetworkCredential(tokens, click_id) if tokens or click_id else None


def _value(raw: RawParameters, name: str) -> str:
    # No link or app has the replacement character in its name: what is not UTF-8 names none.
    values = {value.decode(errors="replace").strip() for value in raw.values(name)}
    if len(values) > 1:
        values = {value for value in values if not is_no_id(value)}
    if len(values) > 1:
        raise ConflictingValues(name)
    return "".join(values)
