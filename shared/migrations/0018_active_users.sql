-- What makes a user active is an app's setting, and rollups count both.
ALTER TABLE apps ADD COLUMN active_users_by text CHECK (active_users_by IN ('sessions', 'events'));

ALTER TABLE comebacks DROP CONSTRAINT comebacks_since_check;
ALTER TABLE comebacks ADD CONSTRAINT comebacks_since_check
    CHECK (since IN ('first', 'last', 'first_event', 'last_event')) NOT VALID;
