CREATE TABLE tokens (token text PRIMARY KEY, app_id bigint NOT NULL);

CREATE TABLE users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id        bigint NOT NULL,
    user_id       text NOT NULL,
    click_id      bigint,
    attributed_at timestamptz,
    UNIQUE (app_id, user_id)
);

CREATE TABLE clicks (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id     bigint NOT NULL,
    device_id  text,
    clicked_at timestamptz NOT NULL,
    parameters jsonb NOT NULL
);
CREATE INDEX clicks_device ON clicks (app_id, device_id, clicked_at);

CREATE TABLE events (
    id          uuid PRIMARY KEY,
    user_ref    bigint NOT NULL REFERENCES users,
    event_id    text NOT NULL,
    received_at timestamptz NOT NULL,
    parameters  jsonb NOT NULL
);

CREATE TABLE sessions (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_ref   bigint NOT NULL REFERENCES users,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_ref, ended_at);
