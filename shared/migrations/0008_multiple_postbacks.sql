-- Whether each event of a user is a conversion for the partner who brought them, or the first alone.
ALTER TABLE event_types ADD COLUMN multiple_postbacks boolean NOT NULL DEFAULT false;
