-- The limits of an app's traffic that differ from the defaults, by their names.
ALTER TABLE apps ADD COLUMN limits jsonb NOT NULL DEFAULT '{}';
