-- The state of long runs of signals, from which decisions continue them.
CREATE TABLE IF NOT EXISTS run_marks (
    user_ref      bigint NOT NULL,
    at            timestamptz NOT NULL,
    start_time    timestamptz,
    start_receipt uuid,
    last_activity timestamptz,
    opens         integer NOT NULL,
    events        integer NOT NULL,
    PRIMARY KEY (user_ref, at)
);
