-- An app may credit each click once, to the first of its users. Off for apps that exist and new ones.
ALTER TABLE apps ADD COLUMN IF NOT EXISTS click_users_max integer NOT NULL DEFAULT 0;
CREATE TABLE IF NOT EXISTS click_uses (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    click_id    text COLLATE "C" NOT NULL,
    event_time  timestamptz NOT NULL,
    user_ref    bigint NOT NULL,
    is_credited boolean NOT NULL,
    PRIMARY KEY (click_id, app_id, environment, event_time, user_ref)
);
CREATE INDEX IF NOT EXISTS click_uses_credited ON click_uses (click_id, app_id, environment)
    WHERE is_credited;
CREATE INDEX IF NOT EXISTS click_uses_user ON click_uses (user_ref, event_time);
