"""Declares what each program may do in Redis: with which keys, by which commands.

`R` reads what a key holds, `W` changes it. A command that answers with what it changed, such as
INCRBY, needs both. A new key needs a line: a test compares with the page of the keys.

Redis also asks for both of each key that a script is called with, though the script only reads or
only writes it. So a selector lets a program name any key as one of a script's: that says nothing,
for each command of the script is judged by the program's own rights.
"""

from shared.access.grantees import Grantee
from shared.shards.shard_names import ShardNames

Rights = tuple[str, str, str, str]  # of ingest, of workers, of the console, of metrics

# The rights in the keys of a shard, by what follows the beginning that all of them have.
_KEY_RIGHTS: dict[str, Rights] = {
    # Ingest adds to these streams, and cannot read what is in them.
    "inbox": ("W", "RW", "RW", "R"),
    "parked:*": ("W", "RW", "RW", "R"),
    "privacy": ("W", "RW", "", ""),
    "rejections": ("W", "RW", "R", ""),
    # The inbox's counts
    "inbox:events": ("RW", "RW", "RW", "R"),
    "inbox:apps": ("RW", "RW", "RW", "R"),
    "inbox:share": ("RW", "RW", "RW", ""),
    "parked": ("RW", "RW", "RW", "R"),
    "accepted": ("RW", "RW", "RW", "R"),
    "wake": ("RW", "RW", "RW", ""),
    "suspects": ("", "RW", "", ""),
    # Who may send: ingest believes it, and cannot change it.
    "snapshot": ("R", "RW", "RW", ""),
    "snapshot:version": ("R", "RW", "RW", "R"),
    "snapshot:index": ("R", "RW", "RW", ""),
    "snapshot:parts": ("R", "RW", "RW", ""),
    # What ingest notes beside events
    "rejections:counts": ("RW", "R", "R", ""),
    "bad_tokens": ("RW", "", "R", ""),
    "demand:*": ("RW", "", "", ""),
    "bytes:*": ("RW", "", "", ""),
    "check:*": ("W", "", "R", ""),
    "unread:*": ("RW", "RW", "RW", ""),
    "tokens:used": ("W", "RW", "R", ""),
    "tokens:rehashed": ("W", "RW", "", ""),
    "marks:*": ("RW", "RW", "", ""),
    "ids": ("RW", "", "", ""),
    "ids:*": ("RW", "", "", ""),
    "attributions:*": ("R", "RW", "", ""),
    "forgotten": ("RW", "RW", "RW", ""),
    "forgotten:late": ("", "RW", "", ""),
    # The workers' own
    "deliver:lease": ("", "RW", "", ""),
    "recompute": ("", "RW", "RW", "R"),
    "recompute:requests": ("", "RW", "RW", ""),
    "recompute:claim": ("", "RW", "", ""),
    "counts": ("", "RW", "RW", "R"),
    "due:*": ("", "RW", "", ""),
}
# In those of RQ: ingest enqueues a job; workers run it, the console shows and retries it.
_RQ_RIGHTS: dict[str, Rights] = {
    "queues": ("W", "RW", "RW", "R"),
    "queue:pipeline": ("W", "RW", "RW", "R"),
    "job:*": ("W", "RW", "RW", "R"),
    "*": ("", "RW", "RW", "R"),
}

# By these workers hear RQ's commands.
_CHANNELS: dict[Grantee, tuple[str, ...]] = {Grantee.WORKERS: ("pubsub:*",)}

_EVAL = ("eval", "evalsha")
_SCRIPTS = (*_EVAL, "script|load")
_TRANSACTIONS = ("multi", "exec", "discard", "watch", "unwatch")
_ENQUEUING = ("exists", "expire", "hset", "lpush", "persist", "rpush", "sadd")
# Of `shared.inbox.APPEND`, and what a program that appends reads of the inbox.
_APPENDING = (
    *("del", "exists", "get", "hdel", "hexists", "hget", "hincrby", "hlen", "hset", "incrby"),
    *("pexpire", "set", "xadd", "xlen"),
)
_RQ = (
    *("blmove", "blpop", "lmove", "lpop", "llen", "lpos", "lrange", "lrem"),
    *("hgetall", "hincrbyfloat", "hmget", "rename", "scard", "smembers", "sismember", "srem"),
    *("xrevrange", "xread", "zadd", "zcard", "zrange", "zrangebyscore", "zrem"),
    *("zremrangebyrank", "zremrangebyscore", "zrevrange", "zrevrangebyscore", "zscore"),
    *("publish", "subscribe", "unsubscribe", "client|info", "client|list"),
)

COMMANDS: dict[Grantee, tuple[str, ...]] = {
    Grantee.INGEST: (
        *(*_SCRIPTS, *_TRANSACTIONS, *_APPENDING, *_ENQUEUING),
        *("config|get", "info", "wait", "time"),
        *("hgetall", "hincrbyfloat", "hmget", "ltrim", "mget", "smismember"),
        *("zincrby", "zremrangebyrank"),
    ),
    Grantee.WORKERS: (
        *(*_SCRIPTS, *_TRANSACTIONS, *_APPENDING, *_ENQUEUING, *_RQ),
        *("bgrewriteaof", "info", "time"),
        *("decrby", "getdel", "hkeys", "hrandfield", "hscan", "hvals", "incr", "mget", "mset"),
        *("xack", "xclaim", "xdel", "xgroup|create", "xgroup|delconsumer", "xinfo|consumers"),
        *("xpending", "xrange", "xreadgroup"),
    ),
    Grantee.CONSOLE: (
        *(*_SCRIPTS, *_TRANSACTIONS, *_APPENDING, *_ENQUEUING, *_RQ),
        *("info", "time"),
        *("hkeys", "hvals", "incr", "mget", "mset", "xrange", "xrevrange", "zrevrange"),
    ),
    Grantee.METRICS: (
        *("exists", "get", "hgetall", "hkeys", "hmget", "hvals", "info", "llen", "mget"),
        *("scard", "smembers", "time", "xrange", "zcard"),
    ),
}


def key_rights(names: ShardNames) -> dict[str, Rights]:
    """Returns the rights in the keys of a shard, by pattern."""
    return {
        **{f"{names.prefix}{pattern}": rights for pattern, rights in _KEY_RIGHTS.items()},
        **{f"{names.rq_prefix}:{pattern}": rights for pattern, rights in _RQ_RIGHTS.items()},
    }


def channels(names: ShardNames, grantee: Grantee) -> list[str]:
    """Returns the patterns of the channels that a program may hear."""
    return [f"{names.rq_prefix}:{pattern}" for pattern in _CHANNELS.get(grantee, ())]


def acl_rules(grantee: Grantee, names: ShardNames) -> list[str]:
    """Returns the rules of a program's user, as ACL SETUSER takes them, without a password."""
    column = list(Grantee).index(grantee)
    keys = [
        f"%{rights[column]}~{pattern}" if rights[column] != "RW" else f"~{pattern}"
        for pattern, rights in key_rights(names).items()
        if rights[column]
    ]
    commands = sorted(set(COMMANDS[grantee]))
    scripts = [f"({' '.join(f'+{name}' for name in _EVAL)} ~{names.prefix}*)"]
    return [
        *keys,
        *(f"&{pattern}" for pattern in channels(names, grantee)),
        # Of an established connection; without those that concern other clients.
        *("-@all", "+@connection", "-@dangerous"),
        *(f"+{name}" for name in commands),
        *(scripts if set(_EVAL) <= set(commands) else []),
    ]
