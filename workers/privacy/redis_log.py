"""Has Redis write its log (AOF) anew, so that it holds nothing of what was deleted."""

from shared.redis import Redis, RedisError, ResponseError


def rewrite_log(redis: Redis) -> bool:
    """Begins to write Redis's log anew; False if that is not possible at the moment."""
    try:
        redis.bgrewriteaof()
    except ResponseError as error:
        if "already in progress" not in str(error):
            raise
        return False
    return True


def rewrite_late_log(redis: Redis) -> bool:
    """Has the log written anew if something of an erased person has passed through it since."""
    try:
        return bool(redis.getdel(redis.names.forgotten_late)) and rewrite_log(redis)
    except RedisError:
        return False
