CREATE TABLE callback_endpoints (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id          bigint NOT NULL REFERENCES apps,
    partner_id      bigint REFERENCES partners,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    activities      text[] NOT NULL CHECK (activities <@ ARRAY[
        'install', 'reattribution', 'attribution_updated', 'event', 'session', 'ad_revenue',
        'click', 'impression'
    ]),
    method          text NOT NULL CHECK (method IN ('GET', 'POST')),
    url             text CHECK (length(url) BETWEEN 1 AND 2048),
    hosts           text[] NOT NULL DEFAULT '{}',
    event_type_id   bigint REFERENCES event_types,
    link_id         bigint REFERENCES links,
    attributed_only boolean NOT NULL DEFAULT false,
    revenue_only    boolean NOT NULL DEFAULT false,
    sandbox         boolean NOT NULL DEFAULT false,
    answer_contains text CHECK (length(answer_contains) BETWEEN 1 AND 200),
    concurrency_max integer NOT NULL DEFAULT 8 CHECK (concurrency_max BETWEEN 1 AND 64),
    rate_max        integer CHECK (rate_max BETWEEN 1 AND 10000),
    secret_version  integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    paused_at       timestamptz,
    disabled_at     timestamptz,
    disabled_reason text,
    failures        integer NOT NULL DEFAULT 0,
    failing_since   timestamptz,
    deleted_at      timestamptz
);

CREATE UNIQUE INDEX callback_endpoints_name ON callback_endpoints (app_id, name)
    WHERE deleted_at IS NULL;

CREATE TABLE callbacks (
    id                   uuid PRIMARY KEY,
    endpoint_id          bigint NOT NULL,
    app_id               bigint NOT NULL,
    environment          text NOT NULL,
    user_ref             bigint,
    activity             text NOT NULL,
    receipt              uuid NOT NULL,
    event_time           timestamptz NOT NULL,
    attributed_at        timestamptz,
    rule                 text,
    click_id             text,
    origin_kind          text,
    origin               text,
    outdated_origin_kind text,
    outdated_origin      text,
    state                text NOT NULL CHECK (state IN (
        'waiting', 'delivered', 'failed', 'withheld'
    )),
    reason               text,
    created_at           timestamptz NOT NULL DEFAULT now(),
    due_at               timestamptz NOT NULL DEFAULT now(),
    attempts             integer NOT NULL DEFAULT 0,
    attempted_at         timestamptz
);

CREATE INDEX callbacks_due ON callbacks (endpoint_id, due_at) WHERE state = 'waiting';
CREATE INDEX callbacks_log ON callbacks (endpoint_id, created_at, id);
CREATE INDEX callbacks_user ON callbacks (user_ref) WHERE user_ref IS NOT NULL;
CREATE INDEX callbacks_click ON callbacks (click_id) WHERE click_id IS NOT NULL;
CREATE INDEX callbacks_receipt ON callbacks (receipt);
CREATE INDEX callbacks_created ON callbacks USING brin (created_at);

CREATE TABLE callback_attempts (
    callback_id uuid NOT NULL REFERENCES callbacks ON DELETE CASCADE,
    number      integer NOT NULL,
    at          timestamptz NOT NULL,
    request     text NOT NULL,
    outcome     text NOT NULL,
    status      integer,
    took_ms     integer NOT NULL,
    answer      text NOT NULL DEFAULT '',
    PRIMARY KEY (callback_id, number)
);
