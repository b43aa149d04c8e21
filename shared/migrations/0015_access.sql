-- concurrently
-- For the deletion of the oldest attempts to sign in, with each attempt.
CREATE INDEX CONCURRENTLY sign_in_attempts_start ON sign_in_attempts (started_at);

-- For the bound on entries of the audit log that strangers cause, and to leave out repetitions.
CREATE INDEX CONCURRENTLY audit_log_access ON audit_log (at) WHERE action LIKE 'access.%';

-- When a key of the HTTP API expires, the only app that it is for, and who made it.
ALTER TABLE console_keys ADD COLUMN expires_at timestamptz;
ALTER TABLE console_keys ADD COLUMN app_id bigint REFERENCES apps;
ALTER TABLE console_keys ADD COLUMN maker_id bigint REFERENCES people;
