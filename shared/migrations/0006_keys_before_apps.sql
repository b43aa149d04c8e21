-- If a table has several indexes, only one may lead with the app: to look up an address or a user,
-- a planner without statistics used the wrong one and read the whole app.
ALTER TABLE clicks
    DROP CONSTRAINT clicks_pkey,
    ADD PRIMARY KEY (click_id, app_id, environment);

DROP INDEX users_adid;
CREATE INDEX users_adid ON users (
    substr(encode(sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 'hex'), 1, 32),
    app_id, environment
);
