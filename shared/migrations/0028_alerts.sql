-- Alert destinations: where people hear what is wrong with an app, and of what.
CREATE TABLE alert_destinations (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id          bigint NOT NULL REFERENCES apps,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    channel         text NOT NULL CHECK (channel IN ('webhook', 'slack', 'mail')),
    target          text NOT NULL CHECK (length(target) BETWEEN 1 AND 2048), -- URL, or mail address
    kinds           text[] NOT NULL CHECK (kinds <@ ARRAY[
        'silence', 'rejections', 'unmapped', 'callbacks_failing', 'quarantine', 'token_expiring',
        'endpoint_disabled'
    ]),
    silence_minutes integer NOT NULL DEFAULT 60 CHECK (silence_minutes BETWEEN 5 AND 1440),
    created_at      timestamptz NOT NULL DEFAULT now(),
    paused_at       timestamptz,                     -- by a person
    deleted_at      timestamptz                      -- what it was told stays
);

CREATE UNIQUE INDEX alert_destinations_name ON alert_destinations (app_id, name)
    WHERE deleted_at IS NULL;

-- Alerts: a condition of an app, from when it was seen until it was over. Only one is open for each
-- condition. Texts name apps, endpoints and tokens, and nobody's users.
CREATE TABLE alerts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id      bigint NOT NULL,
    kind        text NOT NULL,
    subject     text NOT NULL,                       -- of several of a kind: which token or endpoint
    title       text NOT NULL,
    detail      text NOT NULL,
    opened_at   timestamptz NOT NULL DEFAULT now(),
    clear_since timestamptz,                         -- null: it was there when last looked at
    resolved_at timestamptz
);

CREATE UNIQUE INDEX alerts_open ON alerts (app_id, kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX alerts_app ON alerts (app_id, opened_at);

-- Alert messages: what a destination is told of an alert, once when it opens and once when it ends.
CREATE TABLE alert_messages (
    alert_id       bigint NOT NULL REFERENCES alerts ON DELETE CASCADE,
    destination_id bigint NOT NULL,
    phase          text NOT NULL CHECK (phase IN ('opened', 'resolved')),
    state          text NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'withheld')),
    outcome        text NOT NULL DEFAULT '',         -- of the last attempt; why it is withheld
    status         integer,
    attempts       integer NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    due_at         timestamptz NOT NULL DEFAULT now(), -- a claim moves it on
    PRIMARY KEY (alert_id, destination_id, phase)
);

-- Serve sending, and the limit of messages within an hour.
CREATE INDEX alert_messages_due ON alert_messages (due_at) WHERE state = 'waiting';
CREATE INDEX alert_messages_destination ON alert_messages (destination_id, created_at);

-- Rejected requests of an app by hour, as far as the rejection log has them: what is usual.
CREATE TABLE rejection_hours (
    app_id   bigint NOT NULL,
    hour     timestamptz NOT NULL,
    rejected bigint NOT NULL,
    PRIMARY KEY (app_id, hour)
);
