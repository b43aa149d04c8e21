-- concurrently
-- For the deletion of the oldest attempts to sign in, with each attempt.
CREATE INDEX CONCURRENTLY sign_in_attempts_start ON sign_in_attempts (started_at);
