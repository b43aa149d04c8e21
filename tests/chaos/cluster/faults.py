"""Faults that are inflicted on the cluster under load. Each leaves it whole again."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from redis.exceptions import ResponseError

from tests.chaos.cluster.cluster import Cluster
from tests.chaos.cluster.stores import NAME, Redis
from tests.system.servers import until

CALM_SECONDS = 4
CUT_OFF_SECONDS = 8
BLIND_SECONDS = 0.5  # how long a primary is without its copy before it is cut off itself
WHOLE_SECONDS_MAX = 90


@dataclass(frozen=True)
class Fault:
    """A fault; it `may_lose` what was answered in its last moments, where nothing waits for
    copies."""

    name: str
    happen: Callable[[Cluster], None]
    may_lose: bool = False


def nothing(_cluster: Cluster) -> None:
    time.sleep(CALM_SECONDS)


def cut_off_ingest(cluster: Cluster) -> None:
    host = cluster.ingests[0]
    host.cut_off()
    time.sleep(CUT_OFF_SECONDS)
    host.join()
    cluster.wait_until_ready(host)


def cut_off_worker(cluster: Cluster) -> None:
    cluster.workers[0].cut_off()
    time.sleep(CUT_OFF_SECONDS)
    cluster.workers[0].join()
    time.sleep(CUT_OFF_SECONDS / 2)


def fail_redis_over(cluster: Cluster) -> None:
    """Requests a failover from Sentinel while the primary is healthy, which serves until Sentinel
    demotes it, 8 s later."""
    before = cluster.redis_primary()
    _ask_for_failover(cluster, before)
    until(lambda: not before.is_primary(), WHOLE_SECONDS_MAX, "the old primary being told")
    until(cluster.redis_is_whole, WHOLE_SECONDS_MAX, "the old primary following")


def hand_redis_over(cluster: Cluster) -> None:
    """Hands over as before maintenance: nothing is answered once the replica has everything."""
    before, after = cluster.redis_primary(), cluster.redis_replica()
    before.pause_writes()
    until(before.is_copied, WHOLE_SECONDS_MAX, "the replica having everything")
    _ask_for_failover(cluster, before)
    before.follow(after.host)
    before.take_writes()
    until(cluster.redis_is_whole, WHOLE_SECONDS_MAX, "the old primary following")


def _ask_for_failover(cluster: Cluster, before: Redis) -> None:
    until(lambda: _request_failover(cluster), WHOLE_SECONDS_MAX, "a replica that may take over")
    until(lambda: cluster.redis_primary() is not before, WHOLE_SECONDS_MAX, "the failover")


def _request_failover(cluster: Cluster) -> bool:
    try:
        cluster.sentinels[2].ask("FAILOVER", NAME)
    except ResponseError:  # it has not seen the replica since the replica's restart
        return False
    return True


def cut_off_redis(cluster: Cluster) -> None:
    """Cuts the primary off, first from its replica alone: as when a link fails before the machine
    does."""
    before, replica = cluster.redis_primary(), cluster.redis_replica()
    before.host.lose_sight_of(replica.host)
    time.sleep(BLIND_SECONDS)
    before.host.cut_off()
    until(lambda: cluster.redis_primary() is not before, WHOLE_SECONDS_MAX, "the failover")
    time.sleep(CUT_OFF_SECONDS)
    before.host.see_again(replica.host)
    before.host.join()
    until(cluster.redis_is_whole, WHOLE_SECONDS_MAX, "the old primary following")


def roll_every_process(cluster: Cluster) -> None:
    """Restarts one after another: workers, ingest, Redis, Sentinels, PostgreSQL."""
    for host in cluster.workers:
        host.programs["worker"].restart()
        time.sleep(1)
    for host in cluster.ingests:
        host.programs["ingest"].restart()
        cluster.wait_until_ready(host)
    cluster.redis_replica().host.programs["redis"].restart()
    until(cluster.redis_is_whole, WHOLE_SECONDS_MAX, "the replica following")
    hand_redis_over(cluster)
    cluster.redis_replica().host.programs["redis"].restart()
    until(cluster.redis_is_whole, WHOLE_SECONDS_MAX, "the old primary following")
    for sentinel in cluster.sentinels:
        sentinel.host.programs["sentinel"].restart()
        until(sentinel.knows_all, WHOLE_SECONDS_MAX, "the Sentinel knowing the others")
    for postgres in reversed(cluster.postgres):
        postgres.host.programs["postgres"].restart()
        until(postgres.answers, WHOLE_SECONDS_MAX, f"{postgres.host.name} answering")
    _wait_for_standby(cluster)


def promote_standby(cluster: Cluster) -> None:
    """Promotes the standby after the primary has lost it and is cut off for good: nobody may write
    to the old primary."""
    old, new = cluster.postgres
    old.host.lose_sight_of(new.host)
    time.sleep(BLIND_SECONDS)
    old.host.cut_off()
    time.sleep(1)
    new.promote()
    until(new.is_primary, WHOLE_SECONDS_MAX, "the standby taking writes")
    # As a copy of the old primary it is set to wait for a standby. It has none yet.
    new.wait_for_standbys(is_asked=False)
    cluster.postgres.reverse()
    time.sleep(CUT_OFF_SECONDS)
    old.host.programs["postgres"].stop()
    old.host.see_again(new.host)
    old.host.join()
    cluster.add_standby(new, old)


def _wait_for_standby(cluster: Cluster) -> None:
    primary, _ = cluster.postgres
    until(
        lambda: primary.has_standby(cluster.mode.standby_state),
        WHOLE_SECONDS_MAX,
        "the standby streaming",
    )


# The failovers of Redis are kept apart: Sentinel waits a while between two.
FAULTS = (
    Fault("none", nothing),
    Fault("Redis failed over", fail_redis_over, may_lose=True),
    Fault("an ingest host cut off", cut_off_ingest),
    Fault("Redis handed over", hand_redis_over),
    Fault("a worker host cut off", cut_off_worker),
    Fault("Redis primary cut off", cut_off_redis, may_lose=True),
    Fault("PostgreSQL standby promoted", promote_standby, may_lose=True),
    Fault("every process rolled", roll_every_process),
)
