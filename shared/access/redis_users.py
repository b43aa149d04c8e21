"""Makes the users of Redis agree with the declared rights, and says where they do not.

A user's rules are kept in Redis's memory, and in its `aclfile` where it has one. Replicas do not
take them over, so that every server gets them.
"""

import secrets
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, cast

from shared.access.access_urls import Login
from shared.access.discrepancies import Discrepancy
from shared.access.grantees import Grantee
from shared.access.key_rights import acl_rules
from shared.redis import Redis

_STORE = "redis"


def owner_line(login: Login) -> str:
    """Returns the line of an ACL file for the user who may do everything."""
    return f"user {login.name} on {_hashed(login)} ~* &* +@all"


def create_user(redis: Redis, login: Login, grantee: Grantee, *, revoke: bool = True) -> None:
    """Creates a user with its rights and no others, or changes it to that.

    Without `revoke` one that is there keeps what it has. Raises RedisError.
    """
    if revoke or not has_user(redis, login.name):
        _set_user(
            redis, login.name, ("reset", "on", _hashed(login), *acl_rules(grantee, redis.names))
        )
    else:
        _set_user(redis, login.name, ("on", "resetpass", _hashed(login)))
        extend_user(redis, login.name, grantee)


def extend_user(redis: Redis, name: str, grantee: Grantee) -> None:
    """Gives a user what it lacks, and takes nothing: others may be of the version before.

    Raises RedisError.
    """
    rules = acl_rules(grantee, redis.names)
    added = [rule for rule in rules if rule[0] in "%~&(" or _adds(rule)]
    # The only selector is of one form: without this another is added each time.
    _set_user(redis, name, ["clearselectors", *added])


def limit_user(redis: Redis, name: str, grantee: Grantee) -> None:
    """Gives a user its rights and no others; its password stays. Raises RedisError."""
    reset = ("resetkeys", "resetchannels", "clearselectors")
    _set_user(redis, name, (*reset, *acl_rules(grantee, redis.names)))


def has_user(redis: Redis, name: str) -> bool:
    """Tells whether there is such a user. Raises RedisError."""
    return _user(redis, name) is not None


def save_users(redis: Redis) -> bool:
    """Has the server write its users to its ACL file; False if it has none. Raises RedisError."""
    if not _setting(redis, "aclfile"):
        return False
    redis.acl_save()
    return True


def readable_secrets(redis: Redis) -> list[str]:
    """Returns the settings by which CONFIG GET, which ingest may ask, tells it a password."""
    return [name for name in ("requirepass", "masterauth") if _setting(redis, name)]


def compare_user(redis: Redis, name: str, grantee: Grantee) -> list[Discrepancy]:
    """Lists what a user has too much, and what it lacks. Raises RedisError."""
    found = _user(redis, name)
    if found is None:
        return [Discrepancy(_STORE, name, "user", is_missing=True)]
    # Servers write the same rules in different ways: this one writes those that are declared.
    scratch = f"waybill_{secrets.token_hex(8)}"
    _set_user(redis, scratch, acl_rules(grantee, redis.names))
    declared, rules = _rules(_user(redis, scratch) or {}), _rules(found)
    redis.acl_deluser(scratch)
    if "off" in found["flags"] or not found["passwords"]:
        declared |= {"on, with a password"}
    if "nopass" in found["flags"]:
        rules |= {"nopass"}
    return [
        *(Discrepancy(_STORE, name, rule, is_missing=True) for rule in sorted(declared - rules)),
        *(Discrepancy(_STORE, name, rule, is_missing=False) for rule in sorted(rules - declared)),
    ]


def _user(redis: Redis, name: str) -> Mapping[str, Any] | None:
    return cast("Mapping[str, Any] | None", redis.acl_getuser(name))


def _set_user(redis: Redis, name: str, rules: Sequence[str]) -> None:
    redis.execute_command("ACL SETUSER", name, *rules)  # type: ignore[no-untyped-call]


def _rules(user: Mapping[str, Any]) -> set[str]:
    """Returns what a user may do, in the words of its server."""
    words = ("commands", "categories", "keys", "channels", "selectors")
    return {str(rule) for word in words for rule in user[word] or ()}


def _adds(rule: str) -> bool:
    """Tells whether a rule allows one command; a category would be followed by exceptions."""
    return rule.startswith("+") and not rule.startswith("+@")


def _setting(redis: Redis, name: str) -> str:
    return str(dict(redis.config_get(name)).get(name) or "")


def _hashed(login: Login) -> str:
    return f"#{sha256(login.password.encode()).hexdigest()}"
