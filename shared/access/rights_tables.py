"""Writes the declared rights as rows for people: for `waybill access show` and for the docs."""

from collections.abc import Sequence

from shared.access.grantees import DATABASE_GRANTEES, Grantee
from shared.access.key_rights import COMMANDS, channels, key_rights
from shared.access.table_rights import FUNCTION_RIGHTS, SEQUENCE_RIGHTS, TABLE_RIGHTS
from shared.shards.shard_names import ShardNames

TABLE_HEAD = ("table", *DATABASE_GRANTEES)
KEY_HEAD = ("key", *Grantee)
COMMAND_HEAD = ("program", "commands")
_WORDS = {"r": "read", "a": "add", "w": "change", "d": "delete", "R": "read", "W": "write"}


def table_rows() -> list[tuple[str, ...]]:
    """Returns a row for each table, sequence and function of PostgreSQL."""
    called = {**SEQUENCE_RIGHTS, **FUNCTION_RIGHTS}
    return [
        *((name, *map(_in_words, rights)) for name, rights in TABLE_RIGHTS.items()),
        *(
            (name, *("use" if grantee in holders else "" for grantee in DATABASE_GRANTEES))
            for name, holders in called.items()
        ),
    ]


def key_rows() -> list[tuple[str, ...]]:
    """Returns a row for each pattern of keys and of channels of Redis, without shards."""
    names = ShardNames()
    heard = {pattern for each in Grantee for pattern in channels(names, each)}
    return [
        *((name, *map(_in_words, rights)) for name, rights in key_rights(names).items()),
        *(
            (pattern, *("hear" if pattern in channels(names, each) else "" for each in Grantee))
            for pattern in sorted(heard)
        ),
    ]


def command_rows() -> list[tuple[str, str]]:
    """Returns a row for each program with its commands of Redis."""
    return [(grantee, ", ".join(sorted(set(COMMANDS[grantee])))) for grantee in Grantee]


def _in_words(letters: Sequence[str]) -> str:
    return ", ".join(_WORDS[letter] for letter in letters)
