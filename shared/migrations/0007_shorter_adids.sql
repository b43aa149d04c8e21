-- The adid of a new user lands anywhere in its index, and takes a page of the log with it: an index
-- of half the adid, without the app that it is made of, has a third of the pages.
DROP INDEX users_adid;
CREATE INDEX users_adid ON users ((
    ('x' || substr(
        encode(sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 'hex'), 1, 16
    ))::bit(64)::bigint
));
