-- People may sign in by an identity provider.
ALTER TABLE people ADD COLUMN email text;
ALTER TABLE console_sessions ADD COLUMN by_provider boolean NOT NULL DEFAULT false;

CREATE TABLE provider_accounts (
    issuer    text NOT NULL,
    subject   text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    person_id bigint NOT NULL UNIQUE REFERENCES people,
    linked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);

CREATE TABLE provider_sign_ins (
    digest     bytea PRIMARY KEY,
    nonce      text NOT NULL,
    verifier   text NOT NULL,
    back       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX provider_sign_ins_start ON provider_sign_ins (created_at);
