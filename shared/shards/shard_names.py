"""Names the keys of a shard in Redis. No other module writes such a name."""

SHARD_MAX = 16_383  # 14 bits of the receipt of an unreadable batch; a cluster has as many slots


class ShardNames:
    """The names of a shard's keys in Redis.

    They have the shard's number in braces, by which a cluster puts all of them into one slot:
    scripts, transactions and commands of several keys work as on a Redis of its own. Those of shard
    0 are the names of an installation without shards, which has no braces.
    """

    def __init__(self, shard: int = 0) -> None:
        self.shard = shard
        self.prefix = prefix = f"waybill:{{{shard}}}:" if shard else "waybill:"
        self.rq_prefix = f"{{{shard}}}:rq" if shard else "rq"

        self.inbox = f"{prefix}inbox"
        self.backlog = f"{prefix}inbox:events"
        self.accepted = f"{prefix}accepted"
        self.wake = f"{prefix}wake"
        self.suspects = f"{prefix}suspects"
        self.inbox_apps = f"{prefix}inbox:apps"
        self.inbox_share = f"{prefix}inbox:share"
        self.parked = f"{prefix}parked"
        self.parked_turn = f"{prefix}parked:turn"
        self.recent_ids = f"{prefix}ids"

        self.snapshot = f"{prefix}snapshot"
        self.snapshot_version = f"{prefix}snapshot:version"
        self.snapshot_index = f"{prefix}snapshot:index"
        self.snapshot_parts = f"{prefix}snapshot:parts"

        self.rejections = f"{prefix}rejections"
        self.rejection_counts = f"{prefix}rejections:counts"
        self.bad_tokens = f"{prefix}bad_tokens"
        self.tokens_used = f"{prefix}tokens:used"
        self.tokens_rehashed = f"{prefix}tokens:rehashed"
        self.markers_complete = f"{prefix}marks:complete"
        self.markers_progress = f"{prefix}marks:progress"

        self.privacy_requests = f"{prefix}privacy"
        self.forgotten = f"{prefix}forgotten"
        self.forgotten_late = f"{prefix}forgotten:late"

        self.deliver_lease = f"{prefix}deliver:lease"
        self.recompute = f"{prefix}recompute"
        self.recompute_requests = f"{prefix}recompute:requests"
        self.recompute_claim = f"{prefix}recompute:claim"
        self.counts = f"{prefix}counts"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ShardNames) and other.shard == self.shard

    def __hash__(self) -> int:
        return hash(self.shard)

    def __repr__(self) -> str:
        return f"ShardNames({self.shard})"

    def parked_stream(self, app_id: int | str) -> str:
        return f"{self.prefix}parked:{app_id}"

    def recent_ids_hash(self, turn: int) -> str:
        return f"{self.prefix}ids:{turn}"

    def marker_bytes(self, period: int) -> str:
        return f"{self.prefix}marks:{period}:apps"

    def markers(self, period: int, bucket: int | str) -> str:
        return f"{self.prefix}marks:{period}:{bucket}"

    def demand(self, second: int) -> str:
        return f"{self.prefix}demand:{second}"

    def accepted_bytes(self, day: int) -> str:
        return f"{self.prefix}bytes:{day}"

    def check(self, app_id: int, token_id: int) -> str:
        return f"{self.prefix}check:{app_id}:{token_id}"

    def unread(self, app_id: int) -> str:
        return f"{self.prefix}unread:{app_id}"

    def attributions(self, day: int) -> str:
        return f"{self.prefix}attributions:{day}"

    def due(self, job: str) -> str:
        return f"{self.prefix}due:{job}"
