-- Histories that are too long for one transaction are decided window by window. A mark of an earlier
-- version is not compared with, because a late event may have left it behind.
ALTER TABLE run_marks ADD COLUMN IF NOT EXISTS is_exact boolean NOT NULL DEFAULT false;
CREATE TABLE IF NOT EXISTS unfinished_decisions (
    user_ref           bigint PRIMARY KEY,
    from_ms            bigint NOT NULL,
    latest_ms          bigint NOT NULL,
    is_changed         boolean NOT NULL,
    withheld           text,
    withheld_before_ms bigint NOT NULL,
    since              timestamptz NOT NULL DEFAULT now()
);
