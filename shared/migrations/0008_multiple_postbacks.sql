-- Whether each event of a user is a conversion for the partner that is credited, or only the first.
ALTER TABLE event_types ADD COLUMN multiple_postbacks boolean NOT NULL DEFAULT false;
