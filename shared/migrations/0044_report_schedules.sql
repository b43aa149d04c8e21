-- Report schedules: reports that are sent regularly to an address of mail or to a webhook. A secret
-- is derived as that of alert destinations.
CREATE TABLE report_schedules (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id      bigint NOT NULL REFERENCES apps,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    query       text NOT NULL CHECK (length(query) <= 4000), -- of a page of reports
    channel     text NOT NULL CHECK (channel IN ('mail', 'webhook')),
    target      text NOT NULL CHECK (length(target) BETWEEN 1 AND 2048), -- mail address, or URL
    every       text NOT NULL CHECK (every IN ('day', 'week', 'month')),
    on_day      integer CHECK (on_day BETWEEN 1 AND 28), -- of the week or month; null: daily
    hour        integer NOT NULL CHECK (hour BETWEEN 0 AND 23), -- in the time zone
    zone        text NOT NULL,                   -- IANA
    next_at     timestamptz NOT NULL,            -- when it is due
    created_at  timestamptz NOT NULL DEFAULT now(),
    paused_at   timestamptz,                     -- by a person
    deleted_at  timestamptz,                     -- what was sent stays
    kept_secret bytea                            -- as of callback endpoints
);

CREATE UNIQUE INDEX report_schedules_name ON report_schedules (app_id, name)
    WHERE deleted_at IS NULL;

-- Report deliveries: each time at which a schedule was due, and what became of it.
CREATE TABLE report_deliveries (
    schedule_id bigint NOT NULL REFERENCES report_schedules,
    due_at      timestamptz NOT NULL,            -- decides the days of the report
    message_id  uuid NOT NULL,                   -- the same at every attempt
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN (
        'waiting', 'delivered', 'failed', 'withheld'
    )),
    outcome     text NOT NULL DEFAULT '',        -- of the last attempt; why it is withheld
    status      integer,
    attempts    integer NOT NULL DEFAULT 0,
    try_at      timestamptz NOT NULL,            -- a claim moves it on
    settled_at  timestamptz,                     -- the end of the last attempt
    PRIMARY KEY (schedule_id, due_at)
);

-- Serve what is due, and what is to be sent.
CREATE INDEX report_schedules_due ON report_schedules (next_at)
    WHERE paused_at IS NULL AND deleted_at IS NULL;
CREATE INDEX report_deliveries_due ON report_deliveries (try_at) WHERE state = 'waiting';
