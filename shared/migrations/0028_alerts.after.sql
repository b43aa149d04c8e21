-- concurrently
CREATE INDEX CONCURRENTLY IF NOT EXISTS callbacks_failed ON callbacks (endpoint_id, attempted_at)
    WHERE state = 'failed';
