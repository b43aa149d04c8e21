-- An app may truncate addresses before they are stored; those that it stored before are truncated
-- by a worker, the newest first, down from these rows.
ALTER TABLE apps ADD COLUMN truncate_addresses boolean NOT NULL DEFAULT false;

CREATE TABLE address_truncations (
    app_id        bigint PRIMARY KEY REFERENCES apps,
    clicks_before uuid,
    users_before  bigint,
    events_before uuid
);
