"""The names of the keys of an installation without shards."""

from shared.shards.shard_names import ShardNames

NAMES = ShardNames()
