-- Days in an app's time zone.
ALTER TABLE apps ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC'
    CHECK (length(time_zone) BETWEEN 1 AND 64);
ALTER TABLE apps ADD COLUMN time_zone_at timestamptz;

CREATE TABLE day_zones (
    app_id bigint PRIMARY KEY REFERENCES apps,
    zone   text NOT NULL,
    since  timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE counted_periods ADD COLUMN zone text NOT NULL DEFAULT 'UTC';

ALTER TABLE report_schedules ADD COLUMN follows_app boolean NOT NULL DEFAULT false;
