-- Apps, event types, partners and links can be archived and restored.
ALTER TABLE apps ADD COLUMN archived_at timestamptz;
ALTER TABLE event_types ADD COLUMN archived_at timestamptz;
ALTER TABLE partners ADD COLUMN archived_at timestamptz;
ALTER TABLE links ADD COLUMN archived_at timestamptz;
