-- Networks name the fields of their postbacks in their own way: a link may say how its network does.
ALTER TABLE links ADD COLUMN postback_names jsonb NOT NULL DEFAULT '{}';
