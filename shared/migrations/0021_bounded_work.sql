-- An identifier that too many users name identifies nobody, and what exceeds a drain's time is decided
-- by a job of its own.
ALTER TABLE apps ADD COLUMN IF NOT EXISTS identifier_users_max integer NOT NULL DEFAULT 100;
CREATE TABLE IF NOT EXISTS wide_identifiers (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('device', 'click', 'user')),
    value       text COLLATE "C" NOT NULL,
    users_max   integer NOT NULL,
    users       integer NOT NULL,
    found_at    timestamptz NOT NULL DEFAULT now(),
    counted_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (app_id, environment, kind, value)
);
CREATE TABLE IF NOT EXISTS due_decisions (
    user_ref bigint PRIMARY KEY,
    from_ms  bigint NOT NULL,
    requests integer NOT NULL DEFAULT 1,
    since    timestamptz NOT NULL DEFAULT now()
);
