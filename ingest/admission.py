"""Who lets a request in: the token that it carries, or the partner's link that it came through.

A token comes before any field is looked at, so that a stranger learns nothing of the fields.
"""

from collections.abc import Iterator

import msgspec

from ingest.dialect import Dialect
from ingest.grants import Grants, Key
from ingest.parameters import Pair
from ingest.watch import Watch
from shared.errors import ConflictingValues, MissingField, Unauthorized, UnknownLink
from shared.events import Environment
from shared.snapshot import NO_TOKEN, Grant, Link, LinkKey


class Claim(msgspec.Struct, frozen=True):
    """What a request shows: the tokens found in it, each once, and the link that it names."""

    tokens: set[bytes]
    link: LinkKey | None


class Admission(msgspec.Struct, frozen=True):
    """What let a request in. By `key` it is let in again if the snapshot changes meanwhile."""

    key: Key
    grant: Grant
    link: Link | None


class Admissions:
    """Admits by the snapshot that this process holds, and looks for a newer one before refusing."""

    def __init__(self, grants: Grants, watch: Watch) -> None:
        self._grants = grants
        self._watch = watch

    async def admit(self, claim: Claim) -> Admission:
        """Raises Unauthorized, UnknownLink, NotReady, InboxUnreachable, Overloaded."""
        try:
            return self._find(claim)
        except UnknownLink:
            pass
        except Unauthorized:
            if len(claim.tokens) != 1:
                raise
        await self._watch.catch_up()
        return self._find(claim)

    def _find(self, claim: Claim) -> Admission:
        if claim.tokens or claim.link is None:
            digest, grant = self._grants.find(claim.tokens)
            return Admission(digest, grant, self._link_of(grant, claim.link))
        link = self._grants.find_link(claim.link)
        return Admission(claim.link, Grant(NO_TOKEN, link.app_id, Environment.PRODUCTION), link)

    def _link_of(self, grant: Grant, key: LinkKey | None) -> Link | None:
        if key is None:
            return None
        link = self._grants.find_link(key)
        if link.app_id != grant.app_id:
            raise UnknownLink
        return link


def claim_of(pairs: list[Pair], authorization: str | None, dialect: Dialect) -> Claim:
    """Raises MissingField, ConflictingValues for a link that is named by half or twice."""
    tokens = set(_tokens(pairs, authorization, dialect.token_names))
    if dialect.link_names is None:
        return Claim(tokens, None)
    return Claim(tokens, _link_key(pairs, dialect.link_names, is_needed=not tokens))


def without_tokens(pairs: list[Pair], names: frozenset[bytes]) -> Iterator[Pair]:
    return (pair for pair in pairs if pair[0] not in names)


def _tokens(
    pairs: list[Pair], authorization: str | None, names: frozenset[bytes]
) -> Iterator[bytes]:
    for name, value in pairs:
        if value and name in names:
            yield value
    if authorization:
        # Swaarm sends the bare token, Adjust "Bearer <token>": both are taken everywhere.
        scheme, _, rest = authorization.partition(" ")
        token = rest.strip() if scheme.lower() == "bearer" else authorization.strip()
        if token:
            yield token.encode("latin-1", "replace")


def _link_key(pairs: list[Pair], names: tuple[bytes, bytes], *, is_needed: bool) -> LinkKey | None:
    values = [_value(pairs, name) for name in names]
    if not is_needed and not any(values):
        return None
    for name, value in zip(names, values, strict=True):
        if not value:
            both = " and ".join(each.decode() for each in names)
            raise MissingField(name.decode(), f"Send {both} of a link, or a token.")
    return LinkKey(*values)


def _value(pairs: list[Pair], name: bytes) -> str:
    values = {value for named, value in pairs if named == name and value}
    if len(values) > 1:
        raise ConflictingValues(name.decode())
    # No link's name holds the replacement character, so what is not UTF-8 is no link.
    return b"".join(values).decode(errors="replace")
