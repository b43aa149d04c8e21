-- The adid of a new user lands anywhere in its index, and costs a page of the write-ahead log: an
-- index of half the adid, without the app that it is derived from, has a third of the pages.
DROP INDEX users_adid;
CREATE INDEX users_adid ON users ((
    ('x' || substr(
        encode(sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 'hex'), 1, 16
    ))::bit(64)::bigint
));
