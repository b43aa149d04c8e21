-- The whole schema, written to be read. The files in migrations/ lead to it, in the order of their
-- names; a test proves that both result in the same database. Times are UTC.

-- The migrations that were applied to this database.
CREATE TABLE schema_migrations (
    name       text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- One row: a check of the installation key that the tokens are stored under (an HMAC, never the
-- key).
CREATE TABLE installation (
    id         integer PRIMARY KEY CHECK (id = 1),
    key_check  bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The versions of published snapshots; a sequence, so that no version is ever issued twice.
CREATE SEQUENCE snapshot_version;

-- Apps: store apps whose backends send events.
-- An app's rules decide attribution and sessions; each change of them is a new version.
CREATE TABLE apps (
    id                      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                    text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    app_token               text NOT NULL UNIQUE CHECK (length(app_token) BETWEEN 1 AND 64),
    rules_version           integer NOT NULL DEFAULT 1,
    click_deterministic_ms  bigint NOT NULL DEFAULT 604800000,  -- 7 days
    click_probabilistic_ms  bigint NOT NULL DEFAULT 21600000,   -- 6 hours
    reattribution_window_ms bigint NOT NULL DEFAULT 604800000,  -- 7 days
    inactivity_ms           bigint NOT NULL DEFAULT 604800000,  -- 7 days
    session_timeout_ms      bigint NOT NULL DEFAULT 1800000,    -- 30 minutes
    created_at              timestamptz NOT NULL DEFAULT now()
);

-- Tokens: each authorises a sender for one app. The token itself is nowhere.
CREATE TABLE tokens (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id     bigint NOT NULL REFERENCES apps,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    digest     bytea NOT NULL UNIQUE,         -- HMAC-SHA256 under the installation's key
    masked     text NOT NULL,                 -- the form shown to people
    test       boolean NOT NULL,              -- true: its events belong to the sandbox
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,                   -- null: active
    UNIQUE (app_id, name)
);

-- Event types: the events that an app's backend may report.
CREATE TABLE event_types (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id      bigint NOT NULL REFERENCES apps,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    mapping_id  text NOT NULL CHECK (length(mapping_id) BETWEEN 1 AND 256), -- Swaarm's event_id
    event_token text NOT NULL CHECK (length(event_token) BETWEEN 1 AND 64), -- Adjust's
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (app_id, mapping_id),
    UNIQUE (app_id, event_token)
);

-- Partners: those to whom users may be attributed.
CREATE TABLE partners (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Links: a partner's tracking link for one app. A click carries its offer and publisher, as Swaarm
-- names them; a redirect goes to its destination and nowhere else.
CREATE TABLE links (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id      bigint NOT NULL REFERENCES apps,
    partner_id  bigint NOT NULL REFERENCES partners,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    offer_id    text NOT NULL CHECK (length(offer_id) BETWEEN 1 AND 64),
    pub_id      text NOT NULL CHECK (length(pub_id) BETWEEN 1 AND 64),
    destination text NOT NULL CHECK (length(destination) BETWEEN 1 AND 2048), -- with macros
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (offer_id, pub_id),
    UNIQUE (app_id, name)
);

-- Events: every accepted event, once. There is one partition a day, by the time inside the receipt,
-- so that the receipt alone is the key; events_default takes events outside the days created ahead.
-- No foreign keys: the drain stores every accepted event, whatever happened to its app since.
CREATE TABLE events (
    receipt                uuid NOT NULL,        -- UUIDv7, created by ingest
    app_id                 bigint NOT NULL,
    token_id               bigint NOT NULL,
    environment            text NOT NULL CHECK (environment IN ('production', 'sandbox')),
    kind                   text NOT NULL CHECK (kind IN ('event', 'open')),
    endpoint               text NOT NULL,
    user_id                text NOT NULL,
    event_id               text NOT NULL,        -- as sent
    event_type_id          bigint,               -- null: no event type had this mapping ID
    unmapped               boolean NOT NULL,     -- true: neither an event type nor built in
    event_time             timestamptz NOT NULL, -- when it happened
    received_at            timestamptz NOT NULL, -- when ingest received it
    idempotency_key        text,
    ip_address             inet,
    user_agent             text,
    sale_amount            numeric(18, 6) CHECK (abs(sale_amount) <= 1e11),
    sale_amount_currency   text CHECK (length(sale_amount_currency) = 3),
    aggregated_event_value numeric(18, 6) CHECK (abs(aggregated_event_value) <= 1e11),
    event_value            text,
    click_id               text,                 -- of the click named by the sender
    device_ids             jsonb NOT NULL,       -- by kind, as sent
    parameters             jsonb NOT NULL,       -- everything else that was sent
    PRIMARY KEY (receipt)
) PARTITION BY RANGE (receipt);

CREATE TABLE events_default PARTITION OF events DEFAULT;

-- Idempotency keys: the receipt that each key stands for. Not partitioned: a key is one event,
-- whatever the day of its repeats.
CREATE TABLE idempotency_keys (
    app_id      bigint NOT NULL,
    environment text NOT NULL,                   -- a test must not replace a real event
    key         text NOT NULL,
    receipt     uuid NOT NULL,
    fingerprint bytea NOT NULL,                  -- of the content, to tell repeats from conflicts
    received_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, environment, key)
);

-- Serves the deletion of old keys; keys arrive in the order of time, which BRIN relies on.
CREATE INDEX idempotency_keys_received_at ON idempotency_keys USING brin (received_at);

-- Duplicates: receipts of repeats, each with the receipt of the event that it repeats.
CREATE TABLE duplicates (
    receipt       uuid PRIMARY KEY,
    first_receipt uuid NOT NULL,
    app_id        bigint NOT NULL,
    conflict      boolean NOT NULL,              -- true: same key, different body
    received_at   timestamptz NOT NULL
);

CREATE INDEX duplicates_received_at ON duplicates USING brin (received_at);

-- Quarantine (dead letters): events that could not be stored, with the reason and their raw form.
CREATE TABLE quarantine (
    receipt        uuid PRIMARY KEY,
    app_id         bigint,                       -- null: unreadable
    reason         text NOT NULL CHECK (reason IN (
        'refused_by_database',                   -- it violates a constraint
        'killed_worker',                         -- a worker died each time it was tried
        'unreadable'                             -- a whole batch of an unknown wire format
    )),
    detail         text NOT NULL,                -- SQLSTATE, or how often it was tried
    events         bytea NOT NULL,               -- the wire format of a batch, for replay
    event_count    integer NOT NULL,
    wire_version   integer NOT NULL,
    quarantined_at timestamptz NOT NULL DEFAULT now(),
    replayed_at    timestamptz                   -- null: still pending
);

-- Clicks and impressions of advertisements for an app, and the link or source that they came
-- through.
CREATE TABLE clicks (
    click_id        text COLLATE "C" NOT NULL,
    app_id          bigint NOT NULL,
    environment     text NOT NULL CHECK (environment IN ('production', 'sandbox')),
    kind            text NOT NULL CHECK (kind IN ('click', 'impression')),
    receipt         uuid NOT NULL,
    event_time      timestamptz NOT NULL,
    received_at     timestamptz NOT NULL,
    link_id         bigint,                      -- null: not through a link of ours
    origin_kind     text CHECK (origin_kind IN ('link', 'source')),
    origin          text,                        -- credited; null: nobody, it is only evidence
    ip_address      inet,                        -- as sent
    address         text,                        -- if it locates the visitor
    user_agent      text,
    device_family   text NOT NULL,               -- described by the user agent; '' unknown
    device_os       text NOT NULL,
    device_version  text NOT NULL,
    device_is_bot   boolean NOT NULL,
    device_ids      jsonb NOT NULL,              -- by kind, as sent
    parameters      jsonb NOT NULL,
    PRIMARY KEY (app_id, environment, click_id)
);

CREATE UNIQUE INDEX clicks_receipt ON clicks (receipt);

-- Serves attribution by address and device: clicks like this first signal's, in six hours.
CREATE INDEX clicks_sighting ON clicks
    (app_id, environment, address, device_family, device_os, device_version, event_time)
    WHERE kind = 'click' AND address IS NOT NULL;

-- Device ids of clicks, in the form in which they are compared.
CREATE TABLE click_device_ids (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    device_id   text COLLATE "C" NOT NULL,
    event_time  timestamptz NOT NULL,
    click_id    text COLLATE "C" NOT NULL,
    PRIMARY KEY (app_id, environment, device_id, event_time, click_id)
);

-- Users: one primary id in one app and environment, with the ids that all their calls contained.
CREATE TABLE users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id        bigint NOT NULL,
    environment   text NOT NULL CHECK (environment IN ('production', 'sandbox')),
    user_id       text COLLATE "C" NOT NULL,
    -- Derived, as far as this user has been decided:
    device_ids    text[] COLLATE "C" NOT NULL DEFAULT '{}', -- in the form they are compared in
    click_ids     text[] COLLATE "C" NOT NULL DEFAULT '{}',
    first_time    timestamptz,                   -- of the first signal; its day is day 0
    UNIQUE (app_id, environment, user_id)
);

-- Serves retention: all users whose day 0 is this day. The time comes first: with the app in front,
-- a planner without statistics uses this index to look a user up, and reads the whole app.
CREATE INDEX users_first_time ON users (first_time, app_id, environment);

-- Identities: the device ids and click ids that a user's calls contained. They are facts, so that a
-- new click finds its users.
CREATE TABLE identities (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('device', 'click')),
    value       text COLLATE "C" NOT NULL,
    user_ref    bigint NOT NULL,
    PRIMARY KEY (app_id, environment, kind, value, user_ref)
);

-- Sightings: addresses where users may have been seen first, so that a new click finds them by its
-- address. They are facts, written with the signal: a click that is recorded while a decision about
-- its user is being made must find the user, and derived rows do not exist yet at that moment. A
-- signal later than a known first one has no sighting.
CREATE TABLE sightings (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    address     text NOT NULL,
    event_time  timestamptz NOT NULL,
    user_ref    bigint NOT NULL,
    PRIMARY KEY (app_id, environment, address, event_time, user_ref)
);

-- Signals: one narrow row per event, which decisions about a user read instead of the events.
CREATE TABLE signals (
    user_ref       bigint NOT NULL,
    event_time     timestamptz NOT NULL,
    receipt        uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('open', 'event')),
    address        text,                         -- if it locates the user
    device_family  text NOT NULL,
    device_os      text NOT NULL,
    device_version text NOT NULL,
    device_is_bot  boolean NOT NULL,
    device_ids     text[] NOT NULL,              -- as sent
    click_ids      text[] NOT NULL,
    PRIMARY KEY (user_ref, event_time, receipt)
);

-- Attributions: the source of a user from `event_time` on, and the reason. A decision that later
-- data changed stays, with the time at which it was superseded.
CREATE TABLE attributions (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_ref         bigint NOT NULL,
    event_time       timestamptz NOT NULL,
    receipt          uuid NOT NULL,              -- of the signal that caused the decision
    rule             text NOT NULL CHECK (rule IN (
        'click_id', 'device_id', 'address_and_device', 'organic'
    )),
    click_id         text,
    origin_kind      text CHECK (origin_kind IN ('link', 'source')),
    origin           text,
    through          text,                       -- the click that lent the evidence
    beaten           jsonb NOT NULL,             -- the ten best that lost: click, rule, reason
    considered       integer NOT NULL,
    is_reattribution boolean NOT NULL,
    rules_version    integer NOT NULL,
    decided_at       timestamptz NOT NULL DEFAULT now(),
    superseded_at    timestamptz                 -- null: in force
);

-- Serves a user's decisions, in force or not; one in force at a moment.
CREATE UNIQUE INDEX attributions_in_force ON attributions (user_ref, event_time, receipt)
    WHERE superseded_at IS NULL;
CREATE INDEX attributions_superseded ON attributions (user_ref) WHERE superseded_at IS NOT NULL;

-- Sessions: intervals derived from the signals, each identified by the time of its first open.
CREATE TABLE sessions (
    user_ref      bigint NOT NULL,
    start_time    timestamptz NOT NULL,
    start_receipt uuid NOT NULL,
    last_activity timestamptz NOT NULL,
    opens         integer NOT NULL,
    events        integer NOT NULL,
    PRIMARY KEY (user_ref, start_time, start_receipt)
);

-- Activity: the UTC days on which a user had a session. DAU, WAU, MAU and retention read this.
CREATE TABLE activity (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    day         date NOT NULL,
    user_ref    bigint NOT NULL,
    PRIMARY KEY (app_id, environment, day, user_ref)
);

CREATE INDEX activity_user ON activity (user_ref, day);
