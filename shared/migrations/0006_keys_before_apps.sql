-- Where a table has several indexes, one may lead with the app: a planner without statistics took
-- the wrong one, to look up an address or a user, and read the whole app.
ALTER TABLE clicks
    DROP CONSTRAINT clicks_pkey,
    ADD PRIMARY KEY (click_id, app_id, environment);

DROP INDEX users_adid;
CREATE INDEX users_adid ON users (
    substr(encode(sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 'hex'), 1, 32),
    app_id, environment
);
