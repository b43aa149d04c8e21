-- concurrently
-- Clicks are found by their address and platform, and compared in the pure core; how many devices may
-- be behind an address for that is an app's setting, and each decision says what was compared.
ALTER TABLE apps ADD COLUMN IF NOT EXISTS uncertain_devices_max integer NOT NULL DEFAULT 3;
ALTER TABLE attributions ADD COLUMN IF NOT EXISTS compared text;
ALTER TABLE attributions ADD COLUMN IF NOT EXISTS certainty text;
CREATE INDEX CONCURRENTLY IF NOT EXISTS clicks_place ON clicks (
    ((event_time AT TIME ZONE 'UTC')::date), address, app_id, environment,
    (CASE device_os WHEN 'Mac OS X' THEN 'iOS' WHEN 'Linux' THEN 'Android' ELSE device_os END), event_time
) WHERE kind = 'click' AND address IS NOT NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS clicks_lending_place ON clicks (
    address, app_id, environment,
    (CASE device_os WHEN 'Mac OS X' THEN 'iOS' WHEN 'Linux' THEN 'Android' ELSE device_os END), event_time
) WHERE kind = 'click' AND address IS NOT NULL AND origin IS NULL;
