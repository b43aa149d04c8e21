-- Of the rival that only stores.
CREATE TABLE rival_events (
    id          uuid PRIMARY KEY,
    app_id      bigint NOT NULL,
    user_id     text NOT NULL,
    event_id    text NOT NULL,
    received_at timestamptz NOT NULL,
    parameters  jsonb NOT NULL
);
CREATE INDEX rival_events_user ON rival_events (app_id, user_id, received_at);

-- Of the rival that does everything in SQL: the rules and tables of ../baseline, in one call.
CREATE FUNCTION store_event(
    receipt uuid, app bigint, sender text, event text, device text, happened timestamptz, sent jsonb
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    person users;
BEGIN
    INSERT INTO users (app_id, user_id) VALUES (app, sender)
    ON CONFLICT (app_id, user_id) DO UPDATE SET user_id = excluded.user_id
    RETURNING * INTO person;
    INSERT INTO events VALUES (receipt, person.id, event, happened, sent);
    IF person.attributed_at IS NULL THEN
        UPDATE users SET attributed_at = happened, click_id = (
            SELECT id FROM clicks
            WHERE app_id = app AND device_id = device
              AND clicked_at BETWEEN happened - interval '7 days' AND happened
            ORDER BY clicked_at DESC LIMIT 1
        )
        WHERE id = person.id;
    END IF;
    UPDATE sessions SET ended_at = happened
    WHERE id = (
        SELECT id FROM sessions
        WHERE user_ref = person.id AND ended_at >= happened - interval '30 minutes'
        ORDER BY ended_at DESC LIMIT 1
    );
    IF NOT FOUND THEN
        INSERT INTO sessions (user_ref, started_at, ended_at)
        VALUES (person.id, happened, happened);
    END IF;
END
$$;
