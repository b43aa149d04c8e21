-- concurrently
CREATE UNIQUE INDEX CONCURRENTLY audit_log_position ON audit_log (position);
