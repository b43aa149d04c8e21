-- The secret before the last change of a callback endpoint's, under which it signs for a day more.
ALTER TABLE callback_endpoints ADD COLUMN former_secret bytea;
ALTER TABLE callback_endpoints ADD COLUMN rotated_at timestamptz;
