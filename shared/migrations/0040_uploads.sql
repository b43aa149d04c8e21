-- Files are uploaded in pieces and imported by workers.
CREATE TABLE uploads (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id         bigint NOT NULL REFERENCES apps,
    actor          text NOT NULL,
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    state          text NOT NULL DEFAULT 'receiving'
        CHECK (state IN ('receiving', 'waiting', 'running', 'done', 'failed', 'cancelled')),
    size_bytes     bigint NOT NULL CHECK (size_bytes > 0),
    pieces         integer NOT NULL DEFAULT 0,
    received_bytes bigint NOT NULL DEFAULT 0,
    imported_bytes bigint NOT NULL DEFAULT 0,
    line_number    bigint NOT NULL DEFAULT 0,
    lines          bigint NOT NULL DEFAULT 0,
    events         bigint NOT NULL DEFAULT 0,
    clicks         bigint NOT NULL DEFAULT 0,
    repeats        bigint NOT NULL DEFAULT 0,
    bad            bigint NOT NULL DEFAULT 0,
    days           integer NOT NULL DEFAULT 0,
    bad_lines      jsonb NOT NULL DEFAULT '[]',
    reason         text,
    attempts       integer NOT NULL DEFAULT 0,
    claimed_until  timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz NOT NULL
);
CREATE INDEX uploads_app ON uploads (app_id, id);
CREATE INDEX uploads_unfinished ON uploads (claimed_until) WHERE state IN ('waiting', 'running');

CREATE TABLE upload_pieces (
    upload_id bigint NOT NULL REFERENCES uploads ON DELETE CASCADE,
    number    integer NOT NULL CHECK (number > 0),
    content   bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 262144),
    PRIMARY KEY (upload_id, number)
);
