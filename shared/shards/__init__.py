"""Names what belongs to a shard: the apps that share an inbox, a queue of jobs and tables."""
