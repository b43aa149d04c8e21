-- Tables of the console: people with their sessions, keys of its HTTP API, and two settings of
-- apps.

ALTER TABLE apps
    ADD COLUMN currency    text NOT NULL DEFAULT 'EUR' CHECK (length(currency) = 3),
    ADD COLUMN destination text CHECK (length(destination) BETWEEN 1 AND 2048);

CREATE TABLE people (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    role          text NOT NULL CHECK (role IN ('admin', 'viewer')),
    password_hash text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    closed_at     timestamptz
);

CREATE UNIQUE INDEX people_name ON people (lower(name));

CREATE TABLE console_sessions (
    digest     bytea PRIMARY KEY,
    person_id  bigint NOT NULL REFERENCES people,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX console_sessions_person ON console_sessions (person_id);

CREATE TABLE one_time_links (
    digest     bytea PRIMARY KEY,
    person_id  bigint NOT NULL REFERENCES people,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE TABLE sign_in_attempts (
    key        bytea PRIMARY KEY,
    attempts   integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE console_keys (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    role       text NOT NULL CHECK (role IN ('admin', 'viewer')),
    digest     bytea NOT NULL UNIQUE,
    masked     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz,
    revoked_at timestamptz
);
