-- PostgreSQL writes a whole page to its log at the page's first change after a checkpoint. In an
-- index by a scattered value, each new row changes a page of its own once the table is large; with
-- the day in front, new rows share the pages of their days. Adids are found by bloom filters.
DROP INDEX clicks_sighting;
CREATE INDEX clicks_sighting ON clicks (
    ((event_time AT TIME ZONE 'UTC')::date),
    address, app_id, environment, device_family, device_os, device_version, event_time
) WHERE kind = 'click' AND address IS NOT NULL;
CREATE INDEX clicks_lending ON clicks (
    address, app_id, environment, device_family, device_os, device_version, event_time
) WHERE kind = 'click' AND address IS NOT NULL AND origin IS NULL;

CREATE UNIQUE INDEX sightings_place ON sightings (
    ((event_time AT TIME ZONE 'UTC')::date), address, app_id, environment, event_time, user_ref
);
ALTER TABLE sightings DROP CONSTRAINT sightings_pkey;

ALTER TABLE click_device_ids ADD COLUMN lends boolean NOT NULL DEFAULT false;
UPDATE click_device_ids SET lends = true
FROM clicks
WHERE clicks.app_id = click_device_ids.app_id AND clicks.environment = click_device_ids.environment
  AND clicks.click_id = click_device_ids.click_id AND clicks.origin IS NULL;
CREATE UNIQUE INDEX click_device_ids_device ON click_device_ids (
    (((event_time AT TIME ZONE 'UTC')::date - DATE '1970-01-01') / 10),
    device_id, app_id, environment, event_time, click_id
);
ALTER TABLE click_device_ids DROP CONSTRAINT click_device_ids_pkey;
CREATE INDEX click_device_ids_lending ON click_device_ids (
    device_id, app_id, environment, event_time, click_id
) WHERE lends;

DROP INDEX users_adid;
CREATE INDEX users_adid ON users USING brin (
    (substr(sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 1, 16))
    bytea_bloom_ops (n_distinct_per_range = 5000, false_positive_rate = 0.01)
) WITH (pages_per_range = 64, autosummarize = on);
