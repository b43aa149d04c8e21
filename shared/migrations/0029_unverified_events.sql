-- Of the events of a rollup, those that an SDK sent from a device, where nobody has verified who did.
ALTER TABLE figures ADD COLUMN unverified bigint NOT NULL DEFAULT 0;
