-- concurrently
-- The integration check counts an app's conflicts of idempotency keys, which are few among repeats.
CREATE INDEX CONCURRENTLY IF NOT EXISTS duplicates_conflicts
    ON duplicates (app_id, received_at) WHERE conflict;
