"""Declares the setting by which a program knows its shard."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from shared import setting_readers as readers
from shared.setting_sources import Layers, SettingsReading, setting
from shared.shards.cluster_url import is_cluster_url
from shared.shards.shard_names import SHARD_MAX, ShardNames

_RQ_PREFIX = "RQ_KEY_PREFIX"  # RQ's own variable, which it reads when it is imported


@dataclass(frozen=True, kw_only=True)
class ShardSettings:
    """The shard of this process."""

    shard: int = setting(
        "WAYBILL_SHARD",
        readers.between(0, SHARD_MAX),
        "Number of the shard that this program belongs to: its keys in Redis have it in their "
        "names. With another than 0, set RQ_KEY_PREFIX to {NUMBER}:rq too.",
        "0",
    )

    @cached_property
    def names(self) -> ShardNames:
        """Returns the names of the shard's keys, made once for the process."""
        return ShardNames(self.shard)


def shard_faults(layers: Layers, readings: Iterable[SettingsReading]) -> list[str]:
    """Returns the faults of what has to agree with the number of the shard.

    These are RQ's own setting, by which its keys are those of the shard, and the address of a
    cluster: the keys of shard 0 have no braces, so that a cluster would spread them over its nodes.
    """
    values = {each.name: each.value for each in readings if not each.fault}
    shard = values.get("shard")
    if shard is None:
        return []
    names = ShardNames(shard)
    faults = []
    if (layers.variables.get(_RQ_PREFIX) or ShardNames().rq_prefix) != names.rq_prefix:
        faults.append(f"{_RQ_PREFIX} must be {names.rq_prefix}, as WAYBILL_SHARD is {shard}")
    if shard == 0 and is_cluster_url(values.get("redis_url") or ""):
        faults.append("WAYBILL_SHARD must be 1 or more, as REDIS_URL is that of a cluster")
    return faults
