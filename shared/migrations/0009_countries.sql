-- The country of each event that is recorded from now on, and of the rollups of these events.
ALTER TABLE events ADD COLUMN country text;

ALTER TABLE figures ADD COLUMN country text NOT NULL DEFAULT '';

ALTER TABLE reach ADD COLUMN country text NOT NULL DEFAULT '';
ALTER TABLE reach DROP CONSTRAINT reach_split_check;
ALTER TABLE reach ADD CONSTRAINT reach_split_check
    CHECK (split IN ('none', 'partner', 'link', 'campaign', 'country'));
