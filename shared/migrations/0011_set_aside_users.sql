-- Users whose decision failed: set aside, so that they keep nobody waiting, and tried again.
CREATE TABLE set_aside_users (
    user_ref bigint PRIMARY KEY,
    since    timestamptz NOT NULL DEFAULT now(),
    fault    text NOT NULL,
    tries    integer NOT NULL DEFAULT 1,
    tried_at timestamptz NOT NULL DEFAULT now()
);
