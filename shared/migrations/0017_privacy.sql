-- Erasure of people: tombstones, their key, the requests, and choices on sharing.

ALTER TABLE installation ADD COLUMN tombstone_key bytea;
ALTER TABLE users ADD COLUMN detached_at timestamptz;

CREATE TABLE erasures (
    id           uuid PRIMARY KEY,
    app_id       bigint NOT NULL,
    action       text NOT NULL CHECK (action IN ('erase', 'reset')),
    source       text NOT NULL,
    subject      jsonb,
    proof        text[] NOT NULL,
    state        text NOT NULL CHECK (state IN ('received', 'running', 'done', 'cancelled')),
    phase        text NOT NULL DEFAULT 'people',
    progress     jsonb NOT NULL DEFAULT '{}',
    counts       jsonb NOT NULL DEFAULT '{}',
    requested_at timestamptz NOT NULL DEFAULT now(),
    done_at      timestamptz,
    external_id  text UNIQUE
);

CREATE INDEX erasures_unfinished ON erasures (requested_at) WHERE state IN ('received', 'running');
CREATE INDEX erasures_app ON erasures (app_id, requested_at);

CREATE TABLE erasing_users (
    erasure_id uuid NOT NULL REFERENCES erasures,
    user_ref   bigint NOT NULL,
    pseudonym  text NOT NULL,
    event_time timestamptz NOT NULL DEFAULT '1900-01-01 00:00:00+00',
    receipt    uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    PRIMARY KEY (erasure_id, user_ref)
);

CREATE TABLE tombstones (
    digest     bytea PRIMARY KEY,
    app_id     bigint NOT NULL,
    kind       text NOT NULL,
    reason     text NOT NULL CHECK (reason IN ('erased', 'unmeasured')),
    erasure_id uuid,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tombstones_erasure ON tombstones (erasure_id) WHERE erasure_id IS NOT NULL;

CREATE TABLE withheld_events (
    receipt     uuid PRIMARY KEY,
    app_id      bigint NOT NULL,
    received_at timestamptz NOT NULL
);

CREATE INDEX withheld_events_received_at ON withheld_events USING brin (received_at);

CREATE TABLE sharing_choices (
    digest    bytea PRIMARY KEY,
    app_id    bigint NOT NULL,
    is_shared boolean,
    partners  jsonb NOT NULL DEFAULT '{}',
    options   jsonb NOT NULL DEFAULT '{}',
    chosen_at timestamptz NOT NULL
);
