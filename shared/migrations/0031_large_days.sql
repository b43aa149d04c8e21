-- Days with many events are rolled up minute by minute and user by user.
ALTER TABLE stale_periods ADD COLUMN IF NOT EXISTS minute smallint;
ALTER TABLE stale_periods ADD COLUMN IF NOT EXISTS user_ref bigint;
ALTER TABLE stale_periods ADD COLUMN IF NOT EXISTS slice integer;
ALTER TABLE stale_periods ADD COLUMN IF NOT EXISTS slices integer;
ALTER TABLE counted_periods ADD COLUMN IF NOT EXISTS state_at timestamptz;
ALTER TABLE figures ADD COLUMN IF NOT EXISTS minute smallint;
ALTER TABLE reach ADD COLUMN IF NOT EXISTS building boolean NOT NULL DEFAULT false;
ALTER TABLE comebacks ADD COLUMN IF NOT EXISTS building boolean NOT NULL DEFAULT false;

CREATE TABLE IF NOT EXISTS large_days (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    day         date NOT NULL,
    building    boolean,
    used_at     timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS large_days_day ON large_days (app_id, environment, day, building);

CREATE TABLE IF NOT EXISTS day_events (
    day_id     integer NOT NULL,
    user_ref   bigint NOT NULL,
    slot       integer NOT NULL,
    partner_id bigint NOT NULL,
    link_id    bigint NOT NULL,
    event      text NOT NULL,
    source     text NOT NULL,
    campaign   text NOT NULL,
    country    text NOT NULL
);
CREATE INDEX IF NOT EXISTS day_events_user ON day_events (day_id, user_ref);

CREATE TABLE IF NOT EXISTS day_users (
    day_id      integer NOT NULL,
    user_ref    bigint NOT NULL,
    in_sessions boolean NOT NULL,
    in_events   boolean NOT NULL,
    last        integer,
    last_event  integer,
    age         integer,
    link_id     bigint NOT NULL,
    source      text NOT NULL,
    PRIMARY KEY (day_id, user_ref)
);
