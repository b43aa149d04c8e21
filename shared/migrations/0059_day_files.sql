-- Parquet files of events of closed days.
CREATE TABLE day_files (
    id             uuid PRIMARY KEY,
    app_id         bigint NOT NULL,
    day            date NOT NULL,
    folder         text NOT NULL,
    version        integer NOT NULL,
    event_count    bigint NOT NULL,
    size_bytes     bigint NOT NULL,
    sha256         bytea NOT NULL,
    content_sha256 bytea NOT NULL,
    first_receipt  uuid NOT NULL,
    last_receipt   uuid NOT NULL,
    first_time     timestamptz NOT NULL,
    last_time      timestamptz NOT NULL,
    unmapped       bigint NOT NULL,
    addresses      bigint NOT NULL,
    truncated      boolean NOT NULL DEFAULT false,
    goes_back      boolean NOT NULL DEFAULT false,
    written_at     timestamptz NOT NULL DEFAULT now(),
    verified_at    timestamptz NOT NULL DEFAULT now(),
    fault          text CHECK (fault IN ('missing', 'damaged'))
);

CREATE INDEX day_files_app_day ON day_files (app_id, day);

CREATE TABLE replaced_day_files (
    folder text NOT NULL,
    name   text NOT NULL,
    PRIMARY KEY (folder, name)
);

-- There are few destinations, and every one that exists passes.
ALTER TABLE alert_destinations DROP CONSTRAINT alert_destinations_kinds_check;
ALTER TABLE alert_destinations ADD CONSTRAINT alert_destinations_kinds_check CHECK (kinds <@ ARRAY[
    'silence', 'rejections', 'unmapped', 'callbacks_failing', 'quarantine', 'token_expiring',
    'endpoint_disabled', 'day_files'
]) NOT VALID;
ALTER TABLE alert_destinations VALIDATE CONSTRAINT alert_destinations_kinds_check;
