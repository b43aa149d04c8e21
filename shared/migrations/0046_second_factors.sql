-- A second step of signing in: codes of an authenticator, and recovery codes.
CREATE TABLE second_factors (
    person_id      bigint PRIMARY KEY REFERENCES people,
    wrapped_secret bytea NOT NULL,
    last_step      bigint NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    confirmed_at   timestamptz
);

CREATE TABLE recovery_codes (
    person_id bigint NOT NULL REFERENCES people,
    digest    bytea NOT NULL,
    used_at   timestamptz,
    PRIMARY KEY (person_id, digest)
);

CREATE TABLE pending_sign_ins (
    digest     bytea PRIMARY KEY,
    person_id  bigint NOT NULL REFERENCES people,
    created_at timestamptz NOT NULL DEFAULT now()
);
