-- The Adjust dialect, and tokens with scopes, states and a history.

ALTER TABLE apps
    ADD COLUMN enforced_scopes text[] NOT NULL DEFAULT '{}'
        CHECK (enforced_scopes <@ ARRAY['events', 'sessions', 'ad_revenue']),
    ADD COLUMN adjust_refusals boolean NOT NULL DEFAULT false;

ALTER TABLE tokens
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{}'
        CHECK (scopes <@ ARRAY['events', 'sessions', 'ad_revenue']),
    ADD COLUMN created_by text NOT NULL DEFAULT 'unknown',
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN deactivated_at timestamptz;

ALTER TABLE event_types ADD COLUMN is_unique boolean NOT NULL DEFAULT false;

ALTER TABLE events
    ADD COLUMN counted boolean NOT NULL DEFAULT true,
    ADD COLUMN would_refuse text,
    ADD COLUMN ad_network text,
    ADD COLUMN ad_unit text,
    ADD COLUMN ad_placement text,
    ADD COLUMN ad_impressions integer,
    DROP CONSTRAINT events_kind_check,
    ADD CONSTRAINT events_kind_check CHECK (kind IN ('event', 'open', 'ad_revenue'));

ALTER TABLE signals
    DROP CONSTRAINT signals_kind_check,
    ADD CONSTRAINT signals_kind_check CHECK (kind IN ('open', 'event', 'ad_revenue'));

CREATE TABLE unique_events (
    app_id        bigint NOT NULL,
    environment   text NOT NULL,
    event_type_id bigint NOT NULL,
    user_id       text COLLATE "C" NOT NULL,
    event_time    timestamptz NOT NULL,
    receipt       uuid NOT NULL,
    PRIMARY KEY (app_id, environment, event_type_id, user_id)
);

CREATE INDEX users_adid ON users (
    app_id, environment,
    substr(encode(sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 'hex'), 1, 32)
);

CREATE TABLE audit_log (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    app_id  bigint,
    action  text NOT NULL,
    subject text NOT NULL,
    before  jsonb,
    after   jsonb
);

CREATE INDEX audit_log_app ON audit_log (app_id, id);
