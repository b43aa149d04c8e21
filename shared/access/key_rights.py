"""Declares what each program may do in Redis: with which keys, by which commands.

`R` reads what a key holds, `W` changes it. A command that answers with what it changed, such as
INCRBY, needs both; a script needs both for the keys that it is called with, so that it names a key
that it only reads or writes in its text. A new key needs a line: a test compares with the page of
the keys.
"""

from shared.access.grantees import Grantee

# Each pattern's rights of ingest, of workers, of the console, of metrics.
KEY_RIGHTS: dict[str, tuple[str, str, str, str]] = {
    # Ingest adds to these streams, and cannot read what is in them.
    "waybill:inbox": ("W", "RW", "RW", "R"),
    "waybill:parked:*": ("W", "RW", "RW", "R"),
    "waybill:privacy": ("W", "RW", "", ""),
    "waybill:rejections": ("W", "RW", "R", ""),
    # The inbox's counts
    "waybill:inbox:events": ("RW", "RW", "RW", "R"),
    "waybill:inbox:apps": ("RW", "RW", "RW", "R"),
    "waybill:inbox:share": ("RW", "RW", "RW", ""),
    "waybill:parked": ("RW", "RW", "RW", "R"),
    "waybill:accepted": ("RW", "RW", "RW", "R"),
    "waybill:wake": ("RW", "RW", "RW", ""),
    "waybill:suspects": ("", "RW", "", ""),
    # Who may send: ingest believes it, and cannot change it.
    "waybill:snapshot": ("R", "RW", "RW", ""),
    "waybill:snapshot:version": ("R", "RW", "RW", "R"),
    # What ingest notes beside events
    "waybill:rejections:counts": ("RW", "R", "R", ""),
    "waybill:bad_tokens": ("RW", "", "R", ""),
    "waybill:demand:*": ("RW", "", "", ""),
    "waybill:bytes:*": ("RW", "", "", ""),
    "waybill:check:*": ("W", "", "R", ""),
    "waybill:unread:*": ("RW", "RW", "RW", ""),
    "waybill:tokens:used": ("W", "RW", "R", ""),
    "waybill:tokens:rehashed": ("W", "RW", "", ""),
    "waybill:marks:*": ("RW", "RW", "", ""),
    "waybill:ids": ("RW", "", "", ""),
    "waybill:ids:*": ("RW", "", "", ""),
    "waybill:attributions:*": ("R", "RW", "", ""),
    "waybill:forgotten": ("RW", "RW", "RW", ""),
    "waybill:forgotten:late": ("", "RW", "", ""),
    # The workers' own
    "waybill:deliver:lease": ("", "RW", "", ""),
    "waybill:recompute": ("", "RW", "RW", "R"),
    "waybill:recompute:requests": ("", "RW", "RW", ""),
    "waybill:recompute:claim": ("", "RW", "", ""),
    "waybill:counts": ("", "RW", "RW", "R"),
    "waybill:due:*": ("", "RW", "", ""),
    # RQ: ingest enqueues a job; workers run it, the console shows and retries it.
    "rq:queues": ("W", "RW", "RW", "R"),
    "rq:queue:pipeline": ("W", "RW", "RW", "R"),
    "rq:job:*": ("W", "RW", "RW", "R"),
    "rq:*": ("", "RW", "RW", "R"),
}

# By these workers hear RQ's commands.
CHANNELS: dict[Grantee, tuple[str, ...]] = {Grantee.WORKERS: ("rq:pubsub:*",)}

_SCRIPTS = ("eval", "evalsha", "script|load")
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


def acl_rules(grantee: Grantee) -> list[str]:
    """Returns the rules of a program's user, as ACL SETUSER takes them, without a password."""
    column = list(Grantee).index(grantee)
    keys = [
        f"%{rights[column]}~{pattern}" if rights[column] != "RW" else f"~{pattern}"
        for pattern, rights in KEY_RIGHTS.items()
        if rights[column]
    ]
    channels = [f"&{pattern}" for pattern in CHANNELS.get(grantee, ())]
    commands = sorted(set(COMMANDS[grantee]))
    return [
        *keys,
        *channels,
        # Of an established connection; without those that concern other clients.
        *("-@all", "+@connection", "-@dangerous"),
        *(f"+{name}" for name in commands),
    ]
