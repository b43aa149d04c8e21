-- concurrently
-- Users may come from impressions that they did not click. Apps that exist keep what they have: for
-- them it is off, and a worker of the version before would not know the new rules.
ALTER TABLE apps ADD COLUMN IF NOT EXISTS view_device_id_ms bigint NOT NULL DEFAULT 0;
ALTER TABLE apps ADD COLUMN IF NOT EXISTS view_probabilistic_ms bigint NOT NULL DEFAULT 0;
ALTER TABLE apps ALTER COLUMN view_device_id_ms SET DEFAULT 86400000;
ALTER TABLE apps ALTER COLUMN view_probabilistic_ms SET DEFAULT 21600000;
ALTER TABLE links ADD COLUMN IF NOT EXISTS view_through boolean NOT NULL DEFAULT true;
ALTER TABLE attributions DROP CONSTRAINT attributions_rule_check, ADD CONSTRAINT attributions_rule_check CHECK (rule IN (
    'click_id', 'device_id', 'address_and_device', 'view_device_id', 'view_address_and_device', 'organic'
)) NOT VALID;
ALTER TABLE attributions VALIDATE CONSTRAINT attributions_rule_check;
CREATE TABLE IF NOT EXISTS view_device_ids (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    device_id   text COLLATE "C" NOT NULL,
    event_time  timestamptz NOT NULL,
    click_id    text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS view_device_ids_device ON view_device_ids (
    ((event_time AT TIME ZONE 'UTC')::date), device_id, app_id, environment, event_time, click_id
);
CREATE INDEX CONCURRENTLY IF NOT EXISTS clicks_view_place ON clicks (
    ((event_time AT TIME ZONE 'UTC')::date), address, app_id, environment,
    (CASE device_os WHEN 'Mac OS X' THEN 'iOS' WHEN 'Linux' THEN 'Android' ELSE device_os END), event_time
) WHERE kind = 'impression' AND address IS NOT NULL;
