-- Rollups, which reports add up. The drain notes which hours changed, a job rolls them up again.
SET LOCAL statement_timeout = 0;  -- if the database has events, each is read once

CREATE TABLE stale_periods (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    grain       text NOT NULL CHECK (grain IN ('hour', 'day')),
    start       timestamptz NOT NULL
);

CREATE TABLE counted_periods (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    grain       text NOT NULL CHECK (grain IN ('hour', 'day')),
    start       timestamptz NOT NULL,
    counted_at  timestamptz,
    rests_until timestamptz NOT NULL,
    PRIMARY KEY (app_id, environment, grain, start)
);

CREATE TABLE figures (
    app_id         bigint NOT NULL,
    environment    text NOT NULL,
    grain          text NOT NULL CHECK (grain IN ('hour', 'day')),
    start          timestamptz NOT NULL,
    event          text NOT NULL,
    link_id        bigint NOT NULL,
    source         text NOT NULL,
    campaign       text NOT NULL,
    currency       text NOT NULL,
    events         bigint NOT NULL,
    amount         numeric NOT NULL,
    value          numeric NOT NULL,
    installs       bigint NOT NULL,
    reattributions bigint NOT NULL,
    sessions       bigint NOT NULL
);

CREATE INDEX figures_period ON figures (app_id, environment, grain, start);

CREATE TABLE reach (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    grain       text NOT NULL CHECK (grain IN ('hour', 'day')),
    start       timestamptz NOT NULL,
    split       text NOT NULL CHECK (split IN ('none', 'partner', 'link', 'campaign')),
    event       text NOT NULL,
    partner_id  bigint NOT NULL,
    link_id     bigint NOT NULL,
    source      text NOT NULL,
    campaign    text NOT NULL,
    users       bigint NOT NULL
);

CREATE INDEX reach_period ON reach (app_id, environment, grain, split, start);

CREATE TABLE comebacks (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    day         date NOT NULL,
    since       text NOT NULL CHECK (since IN ('first', 'last')),
    days        integer,
    link_id     bigint NOT NULL,
    source      text NOT NULL,
    users       bigint NOT NULL
);

CREATE INDEX comebacks_day ON comebacks (app_id, environment, since, day);

CREATE INDEX events_event_time ON events (app_id, environment, event_time);

INSERT INTO stale_periods (app_id, environment, grain, start)
SELECT DISTINCT app_id, environment, 'hour', date_trunc('hour', event_time, 'UTC') FROM events;
