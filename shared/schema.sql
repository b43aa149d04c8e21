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
    created_at timestamptz NOT NULL DEFAULT now(),
    tombstone_key bytea,                         -- wrapped under the installation's key
    former_key_check bytea,                      -- of the key before, until its rotation is finished
    click_keys bytea[] NOT NULL DEFAULT '{}'     -- of former keys, for the clicks before; wrapped
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
    uncertain_devices_max   integer NOT NULL DEFAULT 3,         -- 0: no uncertain matches
    identifier_users_max    integer NOT NULL DEFAULT 100,       -- an id that more name is nobody's
    view_device_id_ms       bigint NOT NULL DEFAULT 86400000,   -- 24 hours; 0: no impressions
    view_probabilistic_ms   bigint NOT NULL DEFAULT 21600000,   -- 6 hours; 0: no impressions
    click_users_max         integer NOT NULL DEFAULT 0,         -- 1: a click is credited once
    created_at              timestamptz NOT NULL DEFAULT now(),
    -- Scopes for which a request in the Adjust dialect needs a token. None: not required.
    enforced_scopes         text[] NOT NULL DEFAULT '{}'
        CHECK (enforced_scopes <@ ARRAY['events', 'sessions', 'ad_revenue']),
    adjust_refusals         boolean NOT NULL DEFAULT false,     -- Adjust's stateful refusals too
    click_id_postbacks      boolean NOT NULL DEFAULT false,     -- a click id in place of a token
    security_token_postbacks boolean NOT NULL DEFAULT false,    -- a token as security_token
    currency                text NOT NULL DEFAULT 'EUR' CHECK (length(currency) = 3), -- of reports
    destination             text CHECK (length(destination) BETWEEN 1 AND 2048), -- of new links
    active_users_by         text                                -- null: what the traffic has
        CHECK (active_users_by IN ('sessions', 'events')),
    sdk_traffic             boolean NOT NULL DEFAULT false,     -- true: SDKs may send from devices
    -- The limits of its traffic that differ from the defaults, by their names.
    limits                  jsonb NOT NULL DEFAULT '{}',
    archived_at             timestamptz,                        -- null: in use
    truncate_addresses      boolean NOT NULL DEFAULT false,     -- true: before they are stored
    -- Where links may lead: hosts (none: any), and schemes of apps with their ://.
    destination_hosts       text[] NOT NULL DEFAULT '{}',
    time_zone               text NOT NULL DEFAULT 'UTC' CHECK (length(time_zone) BETWEEN 1 AND 64),
    time_zone_at            timestamptz                         -- of its last change; null: never
);

-- Apps whose stored addresses a worker truncates, the newest first: rows before these still are to
-- be; null: none are.
CREATE TABLE address_truncations (
    app_id        bigint PRIMARY KEY REFERENCES apps,
    clicks_before uuid,                          -- receipts
    users_before  bigint,                        -- users, with their signals and sightings
    events_before uuid                           -- receipts
);

-- Tokens: each authorizes a sender for one app. The token itself is not stored. It is accepted
-- unless it was deactivated (which can be undone), revoked (which cannot), or has expired.
CREATE TABLE tokens (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id         bigint NOT NULL REFERENCES apps,
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    digest         bytea NOT NULL UNIQUE,         -- HMAC-SHA256 under the installation's key
    masked         text NOT NULL,                 -- the form shown to people
    test           boolean NOT NULL,              -- true: its events belong to the sandbox
    created_at     timestamptz NOT NULL DEFAULT now(),
    revoked_at     timestamptz,
    scopes         text[] NOT NULL DEFAULT '{}'   -- none: all scopes
        CHECK (scopes <@ ARRAY['events', 'sessions', 'ad_revenue']),
    created_by     text NOT NULL DEFAULT 'unknown',
    last_used_at   timestamptz,                   -- to the minute or so
    expires_at     timestamptz,                   -- null: never
    deactivated_at timestamptz,
    sdk            boolean NOT NULL DEFAULT false, -- true: public, for what SDKs send and no scope
    former_digest  bytea,                         -- under the key before, until that is finished
    under_former_key boolean NOT NULL DEFAULT false, -- true: not used since the key was rotated
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
    is_unique   boolean NOT NULL DEFAULT false,  -- true: counts once per user
    claimed     boolean NOT NULL DEFAULT false,  -- true: earlier events were backfilled
    multiple_postbacks boolean NOT NULL DEFAULT false, -- true: a conversion each, not one per click
    archived_at timestamptz,                     -- null: in use; else out of sight, and counts on
    UNIQUE (app_id, mapping_id),
    UNIQUE (app_id, event_token)
);

-- Partners: those to whom users may be attributed.
CREATE TABLE partners (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    created_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz                      -- null: in use; else as if all its links were
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
    postback_names jsonb NOT NULL DEFAULT '{}', -- of fields in its network's postbacks, by field
    view_through boolean NOT NULL DEFAULT true,  -- false: its impressions are credited with nobody
    archived_at timestamptz,                     -- null: in use; else it redirects and counts no more
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
    kind                   text NOT NULL CHECK (kind IN ('event', 'open', 'ad_revenue')),
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
    counted                boolean NOT NULL DEFAULT true, -- false: a repeat of a unique event
    would_refuse           text,                 -- why a required token would refuse it
    ad_network             text,                 -- of ad revenue, as are the next three
    ad_unit                text,
    ad_placement           text,
    ad_impressions         integer,
    country                text,                 -- ISO 3166-1 alpha-2, as known at recording
    sdk                    text,                 -- of an unverified sender: SDK and version
    PRIMARY KEY (receipt)
) PARTITION BY RANGE (receipt);

CREATE TABLE events_default PARTITION OF events DEFAULT;

-- Day files: events of an app that were received on a day long ago, in Parquet files instead of
-- `events`. A day may have several.
CREATE TABLE day_files (
    id             uuid PRIMARY KEY,
    app_id         bigint NOT NULL,
    day            date NOT NULL,                -- of UTC, of the receipts
    folder         text NOT NULL,
    version        integer NOT NULL,             -- part of the name, new with each change
    event_count    bigint NOT NULL,
    size_bytes     bigint NOT NULL,
    sha256         bytea NOT NULL,               -- of the file
    content_sha256 bytea NOT NULL,               -- of its rows as CSV, which no other encoding changes
    first_receipt  uuid NOT NULL,
    last_receipt   uuid NOT NULL,
    first_time     timestamptz NOT NULL,         -- of event time, as is the next
    last_time      timestamptz NOT NULL,
    unmapped       bigint NOT NULL,              -- events that are
    addresses      bigint NOT NULL,              -- events with an IP address or a user agent
    truncated      boolean NOT NULL DEFAULT false, -- true: so are the addresses
    goes_back      boolean NOT NULL DEFAULT false, -- true: a worker moves them back to the table
    written_at     timestamptz NOT NULL DEFAULT now(),
    verified_at    timestamptz NOT NULL DEFAULT now(),
    fault          text CHECK (fault IN ('missing', 'damaged')) -- null: as it was written
);

CREATE INDEX day_files_app_day ON day_files (app_id, day);

-- Files that a newer version has replaced, or that have expired, until a worker deletes them.
CREATE TABLE replaced_day_files (
    folder text NOT NULL,
    name   text NOT NULL,
    PRIMARY KEY (folder, name)
);

-- Folders of day files, each with the ID in a file there: without it a volume is not mounted.
CREATE TABLE day_file_folders (
    folder text PRIMARY KEY,
    id     uuid NOT NULL
);

-- Unique events: the event of a unique type that counts for a user, the earliest by event time.
CREATE TABLE unique_events (
    app_id        bigint NOT NULL,
    environment   text NOT NULL,
    event_type_id bigint NOT NULL,
    user_id       text COLLATE "C" NOT NULL,
    event_time    timestamptz NOT NULL,
    receipt       uuid NOT NULL,
    PRIMARY KEY (app_id, environment, event_type_id, user_id)
);

-- Serves the rollup of an hour, and the export of events in the order of their times.
CREATE INDEX events_event_time ON events (app_id, environment, event_time);

-- Serves events that are not mapped yet: they are counted, and backfilled by a new event type.
CREATE INDEX events_unmapped ON events (app_id, event_id, environment, event_time) WHERE unmapped;

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

-- Serves the integration check, which counts conflicts of keys apart from repeats.
CREATE INDEX duplicates_conflicts ON duplicates (app_id, received_at) WHERE conflict;

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
    device_family   text NOT NULL,               -- the model as it was named; '' unknown
    device_os       text NOT NULL,
    device_version  text NOT NULL,               -- '17.4', or as `core.os_versions` writes it
    device_is_bot   boolean NOT NULL,
    device_ids      jsonb NOT NULL,              -- by kind, as sent
    parameters      jsonb NOT NULL,
    -- The id comes first: see users_first_time.
    PRIMARY KEY (click_id, app_id, environment)
);

CREATE UNIQUE INDEX clicks_receipt ON clicks (receipt);

-- Serves attribution by address and device: clicks from the address of a first signal and of its
-- platform (an iPad's browser says Macintosh, a tablet's Linux), within six hours. The day comes
-- first, so that today's clicks share today's pages, however many other days there are.
CREATE INDEX clicks_place ON clicks (
    ((event_time AT TIME ZONE 'UTC')::date), address, app_id, environment,
    (CASE device_os WHEN 'Mac OS X' THEN 'iOS' WHEN 'Linux' THEN 'Android' ELSE device_os END), event_time
) WHERE kind = 'click' AND address IS NOT NULL;

-- Serves a new click, which makes decisions about its users reconsider the evidence lent by clicks
-- that name no source: those of its address and platform, within thirty days.
CREATE INDEX clicks_lending_place ON clicks (
    address, app_id, environment,
    (CASE device_os WHEN 'Mac OS X' THEN 'iOS' WHEN 'Linux' THEN 'Android' ELSE device_os END), event_time
) WHERE kind = 'click' AND address IS NOT NULL AND origin IS NULL;

-- Serves the rollup of an hour. Clicks come in the order of their times but for some, which a range
-- keeps apart: nothing is written for a click until its range is full.
CREATE INDEX clicks_event_time ON clicks
    USING brin (event_time timestamptz_minmax_multi_ops) WITH (pages_per_range = 32, autosummarize = on);

-- Device ids of clicks, in the form in which they are compared.
CREATE TABLE click_device_ids (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    device_id   text COLLATE "C" NOT NULL,
    event_time  timestamptz NOT NULL,
    click_id    text COLLATE "C" NOT NULL,
    lends       boolean NOT NULL DEFAULT false   -- true: its click names no source
);

-- The key. They are looked up within thirty days, so a stretch of ten days comes first, like the
-- day in clicks_place: four lookups instead of one (`workers.core.days.stretches`).
CREATE UNIQUE INDEX click_device_ids_device ON click_device_ids (
    (((event_time AT TIME ZONE 'UTC')::date - DATE '1970-01-01') / 10),
    device_id, app_id, environment, event_time, click_id
);

-- Serves a new click, as clicks_lending_place does.
CREATE INDEX click_device_ids_lending ON click_device_ids (
    device_id, app_id, environment, event_time, click_id
) WHERE lends;

-- Serves attribution to impressions by address and device, as clicks_place does to clicks.
CREATE INDEX clicks_view_place ON clicks (
    ((event_time AT TIME ZONE 'UTC')::date), address, app_id, environment,
    (CASE device_os WHEN 'Mac OS X' THEN 'iOS' WHEN 'Linux' THEN 'Android' ELSE device_os END), event_time
) WHERE kind = 'impression' AND address IS NOT NULL;

-- Device ids of impressions, apart from those of clicks: there are many more, and they count for days
-- and not for a month.
CREATE TABLE view_device_ids (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    device_id   text COLLATE "C" NOT NULL,
    event_time  timestamptz NOT NULL,
    click_id    text COLLATE "C" NOT NULL
);

-- The key; the day comes first, as in clicks_place.
CREATE UNIQUE INDEX view_device_ids_device ON view_device_ids (
    ((event_time AT TIME ZONE 'UTC')::date), device_id, app_id, environment, event_time, click_id
);

-- Users: one primary id in one app and environment, with the ids that all their calls contained.
CREATE TABLE users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id        bigint NOT NULL,
    environment   text NOT NULL CHECK (environment IN ('production', 'sandbox')),
    user_id       text COLLATE "C" NOT NULL,
    -- Derived, and maintained by decisions; for a new user, from the batch that created them:
    device_ids    text[] COLLATE "C" NOT NULL DEFAULT '{}', -- in the form they are compared in
    click_ids     text[] COLLATE "C" NOT NULL DEFAULT '{}',
    first_time    timestamptz,                   -- of the first signal; its day is day 0
    detached_at   timestamptz,                   -- erased or reset: decided no more; null: not
    UNIQUE (app_id, environment, user_id)
);

-- Serves retention: all users whose day 0 is this day. The time comes first: with the app in front,
-- a planner without statistics uses this index to look a user up, and reads the whole app.
CREATE INDEX users_first_time ON users (first_time, app_id, environment);

-- Serves the lookup of a user by adid, which is derived from a user as here
-- (`shared.device_ids.adid_of`). There is a bloom filter for each range of the table, built when
-- the range is full: an index of all adids would, for each new user, change a page that no other
-- change shares. Rows of the last ranges, and of one in a hundred others, are compared one by one.
CREATE INDEX users_adid ON users USING brin (
    (substr(sha256(replace(app_id || ':' || user_id, '\', '\\')::bytea), 1, 16))
    bytea_bloom_ops (n_distinct_per_range = 5000, false_positive_rate = 0.01)
) WITH (pages_per_range = 64, autosummarize = on);

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
    user_ref    bigint NOT NULL
);

-- The key; the day comes first, as in clicks_place.
CREATE UNIQUE INDEX sightings_place ON sightings (
    ((event_time AT TIME ZONE 'UTC')::date), address, app_id, environment, event_time, user_ref
);

-- Signals: one narrow row per event, which decisions about a user read instead of the events.
CREATE TABLE signals (
    user_ref       bigint NOT NULL,
    event_time     timestamptz NOT NULL,
    receipt        uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('open', 'event', 'ad_revenue')),
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
        'click_id', 'device_id', 'address_and_device', 'view_device_id', 'view_address_and_device', 'organic'
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
    superseded_at    timestamptz,                -- null: in force
    compared         text,                       -- what was found of the devices; null: not compared
    certainty        text                        -- how sure that is: high, medium or low
);

-- Serve a user's decisions, in force or not; the one in force at a moment; the users of a click.
CREATE UNIQUE INDEX attributions_in_force ON attributions (user_ref, event_time, receipt)
    WHERE superseded_at IS NULL;
CREATE INDEX attributions_click ON attributions (click_id) WHERE click_id IS NOT NULL;
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

-- Run marks: in a long run of a user's signals, the last session as of all signals before `at`, so that
-- a decision continues the run from there. Derived like sessions, which a mark repeats in part.
CREATE TABLE run_marks (
    user_ref      bigint NOT NULL,
    at            timestamptz NOT NULL,
    start_time    timestamptz,                   -- null: no session yet
    start_receipt uuid,
    last_activity timestamptz,
    opens         integer NOT NULL,
    events        integer NOT NULL,
    is_exact      boolean NOT NULL DEFAULT false, -- false: of a version that kept marks less exactly
    PRIMARY KEY (user_ref, at)
);

-- Activity: the UTC days on which a user had a session. Rollups read this; for days of another time
-- zone they find users by it.
CREATE TABLE activity (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    day         date NOT NULL,
    user_ref    bigint NOT NULL,
    PRIMARY KEY (app_id, environment, day, user_ref)
);

CREATE INDEX activity_user ON activity (user_ref, day);

-- Set-aside users: the decision about them failed. Their facts are stored, nobody waits for them, and
-- workers retry from the beginning until a decision succeeds, which deletes the row.
CREATE TABLE set_aside_users (
    user_ref bigint PRIMARY KEY,
    since    timestamptz NOT NULL DEFAULT now(),
    fault    text NOT NULL,                      -- the exception's class, never its message
    tries    integer NOT NULL DEFAULT 1,         -- the more, the longer until the next
    tried_at timestamptz NOT NULL DEFAULT now()
);

-- Wide identifiers: device ids and click ids that more than `users_max` users name, or that as many
-- clicks without a source lend. They identify nobody. A row says that whoever was decided by the id
-- before was noted in due_decisions; which ids are wide is counted from the facts each time. A user
-- id is one when its user names more device ids, or click ids, than anybody has.
CREATE TABLE wide_identifiers (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('device', 'click', 'user')),
    value       text COLLATE "C" NOT NULL,
    users_max   integer NOT NULL,                -- the rule when it was found
    users       integer NOT NULL,                -- who name it, as last counted, up to 100,000
    found_at    timestamptz NOT NULL DEFAULT now(),
    counted_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (app_id, environment, kind, value)
);

-- Due decisions: users whose decisions may change and whom no drain had time for. Their facts are
-- stored; a job decides them, some at a time, and nobody waits for it.
CREATE TABLE due_decisions (
    user_ref bigint PRIMARY KEY,
    from_ms  bigint NOT NULL,                    -- Unix milliseconds; nothing before it changes
    requests integer NOT NULL DEFAULT 1,         -- rises when the user becomes due once more
    since    timestamptz NOT NULL DEFAULT now()
);

-- Unfinished decisions: users with a history too long for one transaction, and where theirs goes on,
-- window by window. What is decided behind that may follow from an earlier state.
CREATE TABLE unfinished_decisions (
    user_ref           bigint PRIMARY KEY,
    from_ms            bigint NOT NULL,          -- Unix milliseconds
    latest_ms          bigint NOT NULL,          -- the decision may not end before it
    is_changed         boolean NOT NULL,         -- another attribution holds since an earlier window
    withheld           text,                     -- why callbacks are not sent of what was received
    withheld_before_ms bigint NOT NULL,          -- before this moment
    since              timestamptz NOT NULL DEFAULT now()
);

-- Click uses: the decisions that depend on a click, where an app credits each click once. Of the users
-- of a click, in the order of their decisions, the first is credited, and those behind found it used
-- up; one of whom it is the last touch and the source already stays with it. Derived like attributions.
CREATE TABLE click_uses (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    click_id    text COLLATE "C" NOT NULL,
    event_time  timestamptz NOT NULL,            -- of the signal that caused the decision
    user_ref    bigint NOT NULL,
    is_credited boolean NOT NULL,
    PRIMARY KEY (click_id, app_id, environment, event_time, user_ref)
);

-- Serve who was credited with a click, and what a user's decisions depend on.
CREATE INDEX click_uses_credited ON click_uses (click_id, app_id, environment) WHERE is_credited;
CREATE INDEX click_uses_user ON click_uses (user_ref, event_time);

-- The audit log: every change of what protects an app, with its author and time. Never a secret.
CREATE TABLE audit_log (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,                       -- a person of the console, or a command's user
    app_id  bigint,                              -- null: the whole installation
    action  text NOT NULL,
    subject text NOT NULL,                       -- the name of the changed object
    before  jsonb,                               -- null: it did not exist
    after   jsonb,
    position bigint,                             -- in the chain of entries, from its commit on
    digest  bytea                                -- SHA-256 of the digest before and of the entry
);

CREATE UNIQUE INDEX audit_log_position ON audit_log (position);

-- The last entry that was deleted because of its age, from which the chain is verified. One row.
CREATE TABLE audit_anchor (
    id         integer PRIMARY KEY CHECK (id = 1),
    position   bigint NOT NULL,
    digest     bytea NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now()
);

-- A field with its length in bytes, so that no two entries are written alike.
CREATE FUNCTION audit_field(field text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN coalesce(octet_length(field) || ':' || field, '-');

CREATE FUNCTION chain_audit_entry(entry bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    last_position bigint;
    last_digest bytea;
BEGIN
    PERFORM pg_advisory_xact_lock(7246021);
    SELECT position, digest INTO last_position, last_digest FROM (
        SELECT position, digest FROM audit_log WHERE position IS NOT NULL
        UNION ALL
        SELECT position, digest FROM audit_anchor
        UNION ALL
        SELECT 0, ''::bytea
    ) AS known ORDER BY position DESC LIMIT 1;
    UPDATE audit_log SET
        position = last_position + 1,
        digest = sha256(last_digest || convert_to(
            audit_field((last_position + 1)::text) || audit_field(id::text)
            || audit_field(((extract(epoch FROM at) * 1000000)::bigint)::text)
            || audit_field(actor) || audit_field(app_id::text) || audit_field(action)
            || audit_field(subject) || audit_field(before::text) || audit_field(after::text),
            'UTF8'
        ))
    WHERE id = entry AND digest IS NULL;
END
$$;

CREATE FUNCTION chain_new_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM chain_audit_entry(NEW.id);
    RETURN NULL;
END
$$;

-- Deferred: the last entry is locked when nothing else is waited for any more, and entries have the
-- order in which they became true. A restored entry brings its digest.
CREATE CONSTRAINT TRIGGER audit_log_chain AFTER INSERT ON audit_log
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.digest IS NULL)
    EXECUTE FUNCTION chain_new_audit_entry();

CREATE INDEX audit_log_app ON audit_log (app_id, id);

-- For the bound on entries that strangers cause, and to leave out repetitions.
CREATE INDEX audit_log_access ON audit_log (at) WHERE action LIKE 'access.%';

-- Stale periods: hours and days whose rollups may no longer match the facts. Each change of facts
-- or decisions adds them in its own transaction. Rows are only added, and deleted when the period
-- is rolled up, so that no transaction waits for another. No index: most of the time there are few.
CREATE TABLE stale_periods (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    grain       text NOT NULL CHECK (grain IN ('hour', 'day')),
    start       timestamptz NOT NULL,
    minute      smallint,                        -- of the hour; null: any
    user_ref    bigint,                          -- of the day; 0: its sums; null: anybody
    slice       integer,                         -- null: a change; else one of the steps of much
                                                 -- work, which come after changes: the next slice
    slices      integer                          -- of so many; null: not divided yet
);

-- Day zones: the time zone in which workers count an app's days. They follow a change of the app's own
-- a moment later, and count the days before again. No row: UTC.
CREATE TABLE day_zones (
    app_id bigint PRIMARY KEY REFERENCES apps,
    zone   text NOT NULL,
    since  timestamptz NOT NULL DEFAULT now()
);

-- Counted periods: hours and days (of event time) that have rollups. Here and in all rollups, the start
-- of a day is its date at midnight UTC, in whatever time zone its hours are counted.
CREATE TABLE counted_periods (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    grain       text NOT NULL CHECK (grain IN ('hour', 'day')),
    start       timestamptz NOT NULL,
    counted_at  timestamptz,                     -- null: never
    rests_until timestamptz NOT NULL,            -- not rolled up again before
    state_at    timestamptz,                     -- `counted_at`, unless a worker of an earlier
                                                 -- version rolled up, which keeps no day_users
    zone        text NOT NULL DEFAULT 'UTC',     -- of a day: in which it was counted; '': in none
    PRIMARY KEY (app_id, environment, grain, start)
);

-- Large days: those whose rollups change with each user, and are not made again as a whole. While one
-- is being built, its reach and comebacks are written beside those that are shown.
CREATE TABLE large_days (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    day         date NOT NULL,
    building    boolean,                         -- null: to be forgotten
    used_at     timestamptz NOT NULL DEFAULT now() -- forgotten when quiet, and built again if need be
);

CREATE UNIQUE INDEX large_days_day ON large_days (app_id, environment, day, building);

-- Day events: what a user of a large day did in a minute or hour, as reach tells it apart.
CREATE TABLE day_events (
    day_id     integer NOT NULL,
    user_ref   bigint NOT NULL,
    slot       integer NOT NULL,                 -- 61 an hour: the hour as a whole, its minutes
    partner_id bigint NOT NULL,                  -- as in reach, as are the next
    link_id    bigint NOT NULL,
    event      text NOT NULL,
    source     text NOT NULL,
    campaign   text NOT NULL,
    country    text NOT NULL
);

CREATE INDEX day_events_user ON day_events (day_id, user_ref);

-- Day users: how a user of a large day counts in comebacks.
CREATE TABLE day_users (
    day_id      integer NOT NULL,
    user_ref    bigint NOT NULL,
    in_sessions boolean NOT NULL,
    in_events   boolean NOT NULL,
    last        integer,                         -- days since the day before, by sessions
    last_event  integer,                         -- and by events; null: never before
    age         integer,                         -- days since day 0
    link_id     bigint NOT NULL,
    source      text NOT NULL,
    PRIMARY KEY (day_id, user_ref)
);

-- Figures: the rollups of an hour or a day, by everything that a report can group by. They can be
-- added up. The source of a user is that of the attribution in force at the moment of the event.
CREATE TABLE figures (
    app_id         bigint NOT NULL,
    environment    text NOT NULL,
    grain          text NOT NULL CHECK (grain IN ('hour', 'day')),
    start          timestamptz NOT NULL,
    event          text NOT NULL,                -- an event type's number, '__open', '__install',
                                                 -- '__ad_revenue', '__unmapped'; '': what users
                                                 -- did, not events
    link_id        bigint NOT NULL,              -- 0: through no link
    source         text NOT NULL,                -- '' without a link: organic
    campaign       text NOT NULL,                -- as named by the click; '': none
    currency       text NOT NULL,                -- of `amount`; '': none was sent
    events         bigint NOT NULL,
    amount         numeric NOT NULL,             -- sum of sale_amount
    value          numeric NOT NULL,             -- sum of aggregated_event_value
    installs       bigint NOT NULL,              -- first attributions, organic ones too
    reattributions bigint NOT NULL,
    sessions       bigint NOT NULL,              -- started in the period
    country        text NOT NULL DEFAULT '',     -- of the event; of the event that caused an
                                                 -- install, reattribution or session; '': unknown
    unverified     bigint NOT NULL DEFAULT 0,    -- of the events, those of unverified senders
    minute         smallint                      -- of an hour with many events; null: all of it
);

CREATE INDEX figures_period ON figures (app_id, environment, grain, start);

-- Figure sums: figures added up over what most reports do not ask for, so that a report of weeks reads
-- hundreds of rows for each day, and not what all breakdowns together have. Written with the figures.
CREATE TABLE figure_sums (
    app_id         bigint NOT NULL,
    environment    text NOT NULL,
    grain          text NOT NULL CHECK (grain IN ('hour', 'day')),
    start          timestamptz NOT NULL,
    level          text NOT NULL CHECK (level IN ('origin', 'campaign', 'country')),
    event          text NOT NULL,                -- as in figures, as are the others
    link_id        bigint NOT NULL,              -- of an origin or campaign
    source         text NOT NULL,
    campaign       text NOT NULL,                -- of a campaign
    country        text NOT NULL,                -- of a country
    currency       text NOT NULL,
    events         bigint NOT NULL,
    amount         numeric NOT NULL,
    value          numeric NOT NULL,
    installs       bigint NOT NULL,
    organic        bigint NOT NULL,              -- of the installs
    reattributions bigint NOT NULL,
    sessions       bigint NOT NULL,
    unverified     bigint NOT NULL
);

CREATE INDEX figure_sums_period ON figure_sums (app_id, environment, level, grain, start);

-- Place sums: the figures of a day added up by partner or source and by country.
CREATE TABLE place_sums (
    app_id         bigint NOT NULL,
    environment    text NOT NULL,
    start          timestamptz NOT NULL,         -- of the day
    event          text NOT NULL,                -- as in figures, as are the others
    partner_id     bigint NOT NULL,              -- 0: none; -1: of an unknown link
    source         text NOT NULL,
    country        text NOT NULL,
    currency       text NOT NULL,
    events         bigint NOT NULL,
    amount         numeric NOT NULL,
    value          numeric NOT NULL,
    installs       bigint NOT NULL,
    organic        bigint NOT NULL,              -- of the installs
    reattributions bigint NOT NULL,
    sessions       bigint NOT NULL,
    unverified     bigint NOT NULL
);

CREATE INDEX place_sums_period ON place_sums (app_id, environment, start);

-- Reach: the number of unique users that had an event in an hour or a day. It cannot be added up,
-- so it is counted for each breakdown that a report can show.
CREATE TABLE reach (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    grain       text NOT NULL CHECK (grain IN ('hour', 'day')),
    start       timestamptz NOT NULL,
    split       text NOT NULL CHECK (split IN (
        'none', 'partner', 'link', 'campaign', 'country'
    )),
    event       text NOT NULL,                   -- as in figures; '': any
    partner_id  bigint NOT NULL,                 -- 0: none; -1: of an unknown link
    link_id     bigint NOT NULL,
    source      text NOT NULL,
    campaign    text NOT NULL,                   -- of the partner or source
    users       bigint NOT NULL,
    country     text NOT NULL DEFAULT '',        -- as in figures
    building    boolean NOT NULL DEFAULT false   -- true: not shown yet, of a large day
);

CREATE INDEX reach_period ON reach (app_id, environment, grain, split, start);

-- Traffic: the rollups of clicks and impressions ('seen', by their own time) and of the installs that
-- are credited to them ('credited', by the time of the install). They can be added up. Apart from
-- figures, because a sub ID belongs to a click and a country to an event.
CREATE TABLE traffic (
    app_id        bigint NOT NULL,
    environment   text NOT NULL,
    grain         text NOT NULL CHECK (grain IN ('hour', 'day')),
    start         timestamptz NOT NULL,
    part          text NOT NULL CHECK (part IN ('seen', 'credited')),
    link_id       bigint NOT NULL,               -- as in figures, as are the next two
    source        text NOT NULL,
    campaign      text NOT NULL,
    sub_id        text NOT NULL,                 -- pub_sub_id of the click; '': none
    clicks        bigint NOT NULL,
    impressions   bigint NOT NULL,
    click_installs bigint NOT NULL,
    view_installs bigint NOT NULL,
    delay_ms      numeric NOT NULL,              -- from a click to its install, the sum
    delay_10s     bigint NOT NULL,               -- installs by their delay: up to 10 seconds,
    delay_1m      bigint NOT NULL,               -- then up to a minute, and so on
    delay_1h      bigint NOT NULL,
    delay_1d      bigint NOT NULL,
    delay_7d      bigint NOT NULL,
    delay_more    bigint NOT NULL
);

CREATE INDEX traffic_period ON traffic (app_id, environment, grain, start);

-- Traffic sums: what figure sums are of figures.
CREATE TABLE traffic_sums (
    app_id         bigint NOT NULL,
    environment    text NOT NULL,
    grain          text NOT NULL CHECK (grain IN ('hour', 'day')),
    start          timestamptz NOT NULL,
    level          text NOT NULL CHECK (level IN ('origin', 'campaign', 'sub_id')),
    part           text NOT NULL CHECK (part IN ('seen', 'credited')),
    link_id        bigint NOT NULL,              -- of an origin or campaign
    source         text NOT NULL,
    campaign       text NOT NULL,                -- of a campaign
    sub_id         text NOT NULL,                -- of sub IDs alone
    clicks         bigint NOT NULL,
    impressions    bigint NOT NULL,
    click_installs bigint NOT NULL,
    view_installs  bigint NOT NULL,
    delay_ms       numeric NOT NULL,
    delay_10s      bigint NOT NULL,
    delay_1m       bigint NOT NULL,
    delay_1h       bigint NOT NULL,
    delay_1d       bigint NOT NULL,
    delay_7d       bigint NOT NULL,
    delay_more     bigint NOT NULL
);

CREATE INDEX traffic_sums_period ON traffic_sums (app_id, environment, level, grain, start);

-- Exchange rates that are newer than the installed package's, and the operator's own: units of a
-- currency for one euro.
CREATE TABLE exchange_rates (
    origin   text NOT NULL CHECK (origin IN ('ecb', 'own')),
    currency text NOT NULL CHECK (length(currency) = 3),
    day      date NOT NULL,
    per_euro numeric NOT NULL CHECK (per_euro > 0),
    PRIMARY KEY (origin, currency, day)
);

-- The files that exchange rates were read from.
CREATE TABLE rate_sources (
    origin     text PRIMARY KEY CHECK (origin IN ('ecb', 'own')),
    location   text NOT NULL,
    read_at    timestamptz,                      -- null: never
    fault      text,                             -- of the last attempt; null: none
    tried_at   timestamptz,                      -- by the daily refresh
    changed_at timestamptz                       -- of the rates; processes look at it
);

-- Costs: what a partner or source cost on a day (of the app's time zone), as it was uploaded.
CREATE TABLE costs (
    app_id      bigint NOT NULL REFERENCES apps,
    day         date NOT NULL,
    partner_id  bigint NOT NULL,                 -- 0: none, but a source
    source      text NOT NULL,                   -- '' of a partner, or of no source: organic
    campaign    text NOT NULL,                   -- '': of the partner altogether
    currency    text NOT NULL CHECK (length(currency) = 3),
    amount      numeric(18, 6) NOT NULL CHECK (amount > 0),
    uploaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (app_id, day, partner_id, source, campaign)
);

-- Prices of links: what is paid for each click, impression, install or event from a day of the app on,
-- until the next price of the same kind. Reports multiply them with rollups.
CREATE TABLE link_prices (
    link_id  bigint NOT NULL REFERENCES links,
    per      text NOT NULL CHECK (per IN ('click', 'impression', 'install', 'event')),
    event    text NOT NULL,                      -- as in figures; '' of what is no event
    since    date NOT NULL,
    amount   numeric(18, 6) NOT NULL CHECK (amount >= 0), -- 0: nothing is paid from then on
    currency text NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (link_id, per, event, since)
);

-- Earnings: what users paid on a day, by the day of their first event and by where they came from
-- then, as in comebacks. LTV and cohorts of revenue are sums of these.
CREATE TABLE earnings (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    day         date NOT NULL,
    first_day   date NOT NULL,                   -- of the user's first event
    link_id     bigint NOT NULL,                 -- both as in figures
    source      text NOT NULL,
    currency    text NOT NULL,
    is_ad       boolean NOT NULL,                -- true: of advertisements
    amount      numeric NOT NULL
);

-- Serve the rollup of a day, and cohorts.
CREATE INDEX earnings_day ON earnings (app_id, environment, day);
CREATE INDEX earnings_cohort ON earnings (app_id, environment, first_day);

-- Earning sums: earnings added up whatever the source, of ads or not.
CREATE TABLE earning_sums (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    day         date NOT NULL,
    first_day   date NOT NULL,
    currency    text NOT NULL,
    amount      numeric NOT NULL
);

-- Serve the rollup of a day, and cohorts.
CREATE INDEX earning_sums_day ON earning_sums (app_id, environment, day);
CREATE INDEX earning_sums_cohort ON earning_sums (app_id, environment, first_day);

-- Comebacks: users active on a day, by the days since their previous active day ('last') and by the
-- days since their day 0 ('first', with the partner or source that their first attribution
-- credits). A session makes a day active; any event does in 'last_event' and 'first_event'. Active
-- users of any span of days, and retention, are sums of these.
CREATE TABLE comebacks (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    day         date NOT NULL,
    since       text NOT NULL CHECK (since IN ('first', 'last', 'first_event', 'last_event')),
    days        integer,                         -- null: never active before
    link_id     bigint NOT NULL,                 -- both as in figures; 0 and '' for 'last'
    source      text NOT NULL,
    users       bigint NOT NULL,
    building    boolean NOT NULL DEFAULT false   -- as of reach
);

CREATE INDEX comebacks_day ON comebacks (app_id, environment, since, day);

-- Serves cohorts, by the day of the first event.
CREATE INDEX comebacks_cohort ON comebacks (app_id, environment, since, (day - days))
    WHERE since IN ('first', 'first_event');

-- People: the accounts of the console. Names differ by more than their case.
CREATE TABLE people (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    role          text NOT NULL CHECK (role IN ('admin', 'viewer', 'member')),
    password_hash text,                          -- Argon2id; null: not chosen yet
    created_at    timestamptz NOT NULL DEFAULT now(),
    closed_at     timestamptz,                   -- null: active; else deactivated
    email         text                           -- by which the provider's account is found
);

CREATE UNIQUE INDEX people_name ON people (lower(name));
CREATE UNIQUE INDEX people_email ON people (lower(email));

-- The accounts of an identity provider that were linked to people, by the provider's name for them.
CREATE TABLE provider_accounts (
    issuer    text NOT NULL,
    subject   text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    person_id bigint NOT NULL UNIQUE REFERENCES people,
    linked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (issuer, subject)
);

-- Roles in apps: a member reaches these apps and no others. They do not count for other roles.
CREATE TABLE app_roles (
    person_id bigint NOT NULL REFERENCES people,
    app_id    bigint NOT NULL REFERENCES apps,
    role      text NOT NULL CHECK (role IN ('editor', 'viewer')),
    PRIMARY KEY (person_id, app_id)
);

-- Sessions of the console. The secret that a browser holds is not stored, as with tokens.
CREATE TABLE console_sessions (
    digest     bytea PRIMARY KEY,                -- HMAC-SHA256 under the installation's key
    person_id  bigint NOT NULL REFERENCES people,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(), -- to the minute
    by_provider boolean NOT NULL DEFAULT false   -- true: the identity provider has let them in
);

CREATE INDEX console_sessions_person ON console_sessions (person_id);

-- The second step of signing in: the secret of a person's authenticator, wrapped under the
-- installation's key. Without a time of confirmation it is being set up and not asked for.
CREATE TABLE second_factors (
    person_id      bigint PRIMARY KEY REFERENCES people,
    wrapped_secret bytea NOT NULL,
    last_step      bigint NOT NULL DEFAULT 0,    -- of the last code taken; no earlier one is
    created_at     timestamptz NOT NULL DEFAULT now(),
    confirmed_at   timestamptz
);

-- Codes for somebody who has lost their authenticator, each of which is taken once.
CREATE TABLE recovery_codes (
    person_id bigint NOT NULL REFERENCES people,
    digest    bytea NOT NULL,
    used_at   timestamptz,
    PRIMARY KEY (person_id, digest)
);

-- Sign-ins that wait for the second step, for some minutes: they are no sessions.
CREATE TABLE pending_sign_ins (
    digest     bytea PRIMARY KEY,                -- as that of a session
    person_id  bigint NOT NULL REFERENCES people,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Saved views: queries of reports that a person keeps for an app.
CREATE TABLE saved_views (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint NOT NULL REFERENCES people,
    app_id     bigint NOT NULL REFERENCES apps,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    query      text NOT NULL CHECK (length(query) <= 4000),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (person_id, app_id, name)
);

-- Report schedules: reports that are sent regularly to an address of mail or to a webhook. A secret
-- is derived as that of alert destinations.
CREATE TABLE report_schedules (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id      bigint NOT NULL REFERENCES apps,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    query       text NOT NULL CHECK (length(query) <= 4000), -- of a page of reports
    channel     text NOT NULL CHECK (channel IN ('mail', 'webhook')),
    target      text NOT NULL CHECK (length(target) BETWEEN 1 AND 2048), -- mail address, or URL
    every       text NOT NULL CHECK (every IN ('day', 'week', 'month')),
    on_day      integer CHECK (on_day BETWEEN 1 AND 28), -- of the week or month; null: daily
    hour        integer NOT NULL CHECK (hour BETWEEN 0 AND 23), -- in the time zone
    zone        text NOT NULL,                   -- IANA
    next_at     timestamptz NOT NULL,            -- when it is due
    created_at  timestamptz NOT NULL DEFAULT now(),
    paused_at   timestamptz,                     -- by a person
    deleted_at  timestamptz,                     -- what was sent stays
    kept_secret bytea,                           -- as of callback endpoints
    follows_app boolean NOT NULL DEFAULT false   -- true: the zone is always that of the app
);

CREATE UNIQUE INDEX report_schedules_name ON report_schedules (app_id, name)
    WHERE deleted_at IS NULL;

-- Report deliveries: each time at which a schedule was due, and what became of it.
CREATE TABLE report_deliveries (
    schedule_id bigint NOT NULL REFERENCES report_schedules,
    due_at      timestamptz NOT NULL,            -- decides the days of the report
    message_id  uuid NOT NULL,                   -- the same at every attempt
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN (
        'waiting', 'delivered', 'failed', 'withheld'
    )),
    outcome     text NOT NULL DEFAULT '',        -- of the last attempt; why it is withheld
    status      integer,
    attempts    integer NOT NULL DEFAULT 0,
    try_at      timestamptz NOT NULL,            -- a claim moves it on
    settled_at  timestamptz,                     -- the end of the last attempt
    PRIMARY KEY (schedule_id, due_at)
);

-- Serve what is due, and what is to be sent.
CREATE INDEX report_schedules_due ON report_schedules (next_at)
    WHERE paused_at IS NULL AND deleted_at IS NULL;
CREATE INDEX report_deliveries_due ON report_deliveries (try_at) WHERE state = 'waiting';

-- Uploads: files with the past of an app, imported by workers. The pieces of one are deleted as soon
-- as it is imported or cancelled; its row, which has counts and no data of events, a week later.
CREATE TABLE uploads (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id         bigint NOT NULL REFERENCES apps,
    actor          text NOT NULL,
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    state          text NOT NULL DEFAULT 'receiving'
        CHECK (state IN ('receiving', 'waiting', 'running', 'done', 'failed', 'cancelled')),
    size_bytes     bigint NOT NULL CHECK (size_bytes > 0), -- as announced
    pieces         integer NOT NULL DEFAULT 0,   -- that have arrived, as have the bytes
    received_bytes bigint NOT NULL DEFAULT 0,
    -- How far the import has come: the offset in the unpacked text, and the line before it.
    imported_bytes bigint NOT NULL DEFAULT 0,
    line_number    bigint NOT NULL DEFAULT 0,
    lines          bigint NOT NULL DEFAULT 0,    -- without blank ones
    events         bigint NOT NULL DEFAULT 0,
    clicks         bigint NOT NULL DEFAULT 0,
    repeats        bigint NOT NULL DEFAULT 0,    -- stored before
    bad            bigint NOT NULL DEFAULT 0,
    days           integer NOT NULL DEFAULT 0,   -- partitions that it created
    bad_lines      jsonb NOT NULL DEFAULT '[]',  -- the first: number, field and reason
    reason         text,                         -- why it failed
    attempts       integer NOT NULL DEFAULT 0,   -- by workers, since it last came further
    claimed_until  timestamptz,                  -- past or null: no worker is at it
    created_at     timestamptz NOT NULL DEFAULT now(),
    expires_at     timestamptz NOT NULL          -- then it is deleted with its pieces
);
-- To list an app's.
CREATE INDEX uploads_app ON uploads (app_id, id);
-- For workers, which look every few seconds.
CREATE INDEX uploads_unfinished ON uploads (claimed_until) WHERE state IN ('waiting', 'running');

-- The pieces of uploaded files. Each but the last has 256 KiB, so that its number is its offset.
CREATE TABLE upload_pieces (
    upload_id bigint NOT NULL REFERENCES uploads ON DELETE CASCADE,
    number    integer NOT NULL CHECK (number > 0),
    content   bytea NOT NULL CHECK (length(content) BETWEEN 1 AND 262144),
    PRIMARY KEY (upload_id, number)
);

-- One-time links: each lets one person choose a password and signs them in. Deleted once used.
CREATE TABLE one_time_links (
    digest     bytea PRIMARY KEY,                -- as of sessions
    person_id  bigint NOT NULL REFERENCES people,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

-- Attempts to sign in, counted by the network and by the name from it, for some minutes.
CREATE TABLE sign_in_attempts (
    key        bytea PRIMARY KEY,                -- a digest: neither names nor addresses are stored
    attempts   integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);

-- For the deletion of the oldest, with each attempt.
CREATE INDEX sign_in_attempts_start ON sign_in_attempts (started_at);

-- Keys of the console's HTTP API, each with the rights of its role.
CREATE TABLE console_keys (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 100),
    role       text NOT NULL CHECK (role IN ('admin', 'viewer')),
    digest     bytea NOT NULL UNIQUE,            -- as of sessions
    masked     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz,                      -- to the minute; null: never
    revoked_at timestamptz,                      -- null: active
    expires_at timestamptz,                      -- null: made before keys expired
    app_id     bigint REFERENCES apps,           -- null: for every app
    maker_id   bigint REFERENCES people,         -- null: made at a terminal
    under_former_key boolean NOT NULL DEFAULT false -- true: not used since the key was rotated
);

-- Callback endpoints: whom Waybill tells what happened. With a partner it is the partner's and hears
-- of users whom the partner's links brought; without one it is the app's own. Its signing secret is
-- derived from the installation's key, the endpoint and `secret_version`; it is not stored.
CREATE TABLE callback_endpoints (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id          bigint NOT NULL REFERENCES apps,
    partner_id      bigint REFERENCES partners,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    activities      text[] NOT NULL CHECK (activities <@ ARRAY[
        'install', 'reattribution', 'attribution_updated', 'event', 'session', 'ad_revenue',
        'click', 'impression', 'rejected_install', 'rejected_reattribution', 'erased'
    ]),
    method          text NOT NULL CHECK (method IN ('GET', 'POST')),
    url             text CHECK (length(url) BETWEEN 1 AND 2048), -- null: the URL that a click has
    hosts           text[] NOT NULL DEFAULT '{}',    -- to which a click's URL may lead
    event_type_id   bigint REFERENCES event_types,   -- null: all
    link_id         bigint REFERENCES links,         -- null: all
    attributed_only boolean NOT NULL DEFAULT false,
    revenue_only    boolean NOT NULL DEFAULT false,
    sandbox         boolean NOT NULL DEFAULT false,  -- true: hears of the sandbox too
    answer_contains text CHECK (length(answer_contains) BETWEEN 1 AND 200),
    concurrency_max integer NOT NULL DEFAULT 8 CHECK (concurrency_max BETWEEN 1 AND 64),
    rate_max        integer CHECK (rate_max BETWEEN 1 AND 10000), -- a second; null: no limit
    secret_version  integer NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(), -- what was received before is not told
    paused_at       timestamptz,                     -- by a person
    disabled_at     timestamptz,                     -- by Waybill, because it failed
    disabled_reason text,
    failures        integer NOT NULL DEFAULT 0,      -- attempts in a row
    failing_since   timestamptz,                     -- of the first of these
    deleted_at      timestamptz,                     -- its deliveries stay
    kept_secret     bytea,                           -- of a former key, wrapped; null: derived
    payout_only     boolean NOT NULL DEFAULT false,  -- true: only what the link's price pays for
    former_secret   bytea,                           -- wrapped; signs for a day more
    rotated_at      timestamptz                      -- of the last change of the secret
);

CREATE UNIQUE INDEX callback_endpoints_name ON callback_endpoints (app_id, name)
    WHERE deleted_at IS NULL;

-- Callbacks (the outbox): what an endpoint is to hear, one row for each activity and endpoint,
-- written in the transaction of the decision. The id is derived from what the callback is about, so
-- that nothing writes a second one. The rest is read from the facts when it is sent.
CREATE TABLE callbacks (
    id                   uuid PRIMARY KEY,
    endpoint_id          bigint NOT NULL,
    app_id               bigint NOT NULL,
    environment          text NOT NULL,
    user_ref             bigint,                     -- null: of a click or impression
    activity             text NOT NULL,
    receipt              uuid NOT NULL,              -- of the event that caused it, or the erasure
    event_time           timestamptz NOT NULL,
    attributed_at        timestamptz,                -- of the attribution in force, as the next four
    rule                 text,
    click_id             text,
    origin_kind          text,
    origin               text,
    outdated_origin_kind text,                       -- of an updated attribution, the one before
    outdated_origin      text,
    state                text NOT NULL CHECK (state IN (
        'waiting', 'delivered', 'failed', 'withheld'
    )),
    reason               text,                       -- why it is withheld or has failed
    created_at           timestamptz NOT NULL DEFAULT now(),
    due_at               timestamptz NOT NULL DEFAULT now(), -- not sent before; a claim moves it on
    attempts             integer NOT NULL DEFAULT 0, -- begun; above 0 it may have arrived
    attempted_at         timestamptz,
    rejection            text                        -- of a rejected click why it was not credited
);

-- Serve delivery; the log of an endpoint, of a user, of a click, of an event; the deletion of old ones.
CREATE INDEX callbacks_due ON callbacks (endpoint_id, due_at) WHERE state = 'waiting';
CREATE INDEX callbacks_log ON callbacks (endpoint_id, created_at, id);
CREATE INDEX callbacks_user ON callbacks (user_ref) WHERE user_ref IS NOT NULL;
CREATE INDEX callbacks_click ON callbacks (click_id) WHERE click_id IS NOT NULL;
CREATE INDEX callbacks_receipt ON callbacks (receipt);
CREATE INDEX callbacks_created ON callbacks USING brin (created_at);

-- Serves the alert that callbacks fail.
CREATE INDEX callbacks_failed ON callbacks (endpoint_id, attempted_at) WHERE state = 'failed';

-- Callback attempts: each request as it was sent, with its secrets masked, and what came back.
CREATE TABLE callback_attempts (
    callback_id uuid NOT NULL REFERENCES callbacks ON DELETE CASCADE,
    number      integer NOT NULL,
    at          timestamptz NOT NULL,
    request     text NOT NULL,                       -- the method and the URL
    outcome     text NOT NULL,                       -- delivered, or what was wrong
    status      integer,                             -- null: no answer
    took_ms     integer NOT NULL,
    answer      text NOT NULL DEFAULT '',            -- its first KiB
    PRIMARY KEY (callback_id, number)
);

-- Alert destinations: where people hear what is wrong with an app, and of what.
CREATE TABLE alert_destinations (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id          bigint NOT NULL REFERENCES apps,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    channel         text NOT NULL CHECK (channel IN ('webhook', 'slack', 'mail')),
    target          text NOT NULL CHECK (length(target) BETWEEN 1 AND 2048), -- URL, or mail address
    kinds           text[] NOT NULL CHECK (kinds <@ ARRAY[
        'silence', 'rejections', 'unmapped', 'callbacks_failing', 'quarantine', 'token_expiring',
        'endpoint_disabled', 'day_files'
    ]),
    silence_minutes integer NOT NULL DEFAULT 60 CHECK (silence_minutes BETWEEN 5 AND 1440),
    created_at      timestamptz NOT NULL DEFAULT now(),
    paused_at       timestamptz,                     -- by a person
    deleted_at      timestamptz,                     -- what it was told stays
    kept_secret     bytea                            -- as of callback endpoints
);

CREATE UNIQUE INDEX alert_destinations_name ON alert_destinations (app_id, name)
    WHERE deleted_at IS NULL;

-- Alerts: a condition of an app, from when it was seen until it was over. Only one is open for each
-- condition. Texts name apps, endpoints and tokens, and nobody's users.
CREATE TABLE alerts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    app_id      bigint NOT NULL,
    kind        text NOT NULL,
    subject     text NOT NULL,                       -- of several of a kind: which token or endpoint
    title       text NOT NULL,
    detail      text NOT NULL,
    opened_at   timestamptz NOT NULL DEFAULT now(),
    clear_since timestamptz,                         -- null: it was there when last looked at
    resolved_at timestamptz
);

CREATE UNIQUE INDEX alerts_open ON alerts (app_id, kind, subject) WHERE resolved_at IS NULL;
CREATE INDEX alerts_app ON alerts (app_id, opened_at);

-- Alert messages: what a destination is told of an alert, once when it opens and once when it ends.
CREATE TABLE alert_messages (
    alert_id       bigint NOT NULL REFERENCES alerts ON DELETE CASCADE,
    destination_id bigint NOT NULL,
    phase          text NOT NULL CHECK (phase IN ('opened', 'resolved')),
    state          text NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed', 'withheld')),
    outcome        text NOT NULL DEFAULT '',         -- of the last attempt; why it is withheld
    status         integer,
    attempts       integer NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    due_at         timestamptz NOT NULL DEFAULT now(), -- a claim moves it on
    PRIMARY KEY (alert_id, destination_id, phase)
);

-- Serve sending, and the limit of messages within an hour.
CREATE INDEX alert_messages_due ON alert_messages (due_at) WHERE state = 'waiting';
CREATE INDEX alert_messages_destination ON alert_messages (destination_id, created_at);

-- Rejected requests of an app by hour, as far as the rejection log has them: what is usual.
CREATE TABLE rejection_hours (
    app_id   bigint NOT NULL,
    hour     timestamptz NOT NULL,
    rejected bigint NOT NULL,
    PRIMARY KEY (app_id, hour)
);

-- Erasures: requests to erase a person, or to detach a test device from what it did before. `subject`
-- has the ids until the work is done, and nothing of them afterwards; `proof` is a keyed digest of
-- each id that was given.
CREATE TABLE erasures (
    id           uuid PRIMARY KEY,
    app_id       bigint NOT NULL,
    action       text NOT NULL CHECK (action IN ('erase', 'reset')),
    source       text NOT NULL,                  -- who asked: a person, a program, an endpoint
    subject      jsonb,                          -- null: done
    proof        text[] NOT NULL,
    state        text NOT NULL CHECK (state IN ('received', 'running', 'done', 'cancelled')),
    phase        text NOT NULL DEFAULT 'people', -- the step that comes next
    progress     jsonb NOT NULL DEFAULT '{}',
    counts       jsonb NOT NULL DEFAULT '{}',    -- rows of each kind
    requested_at timestamptz NOT NULL DEFAULT now(),
    done_at      timestamptz,
    external_id  text UNIQUE                     -- of an OpenDSR request
);

CREATE INDEX erasures_unfinished ON erasures (requested_at) WHERE state IN ('received', 'running');
CREATE INDEX erasures_app ON erasures (app_id, requested_at);

-- Users of an erasure that is being worked on, and how far it has come with each.
CREATE TABLE erasing_users (
    erasure_id uuid NOT NULL REFERENCES erasures,
    user_ref   bigint NOT NULL,
    pseudonym  text NOT NULL,                    -- random: it leads to nobody
    event_time timestamptz NOT NULL DEFAULT '1900-01-01 00:00:00+00', -- of the last signal that was emptied
    receipt    uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    PRIMARY KEY (erasure_id, user_ref)
);

-- Requests of people for what is stored about them, for a week: the answer is made when it is fetched.
CREATE TABLE access_requests (
    external_id  text PRIMARY KEY CHECK (length(external_id) BETWEEN 1 AND 64), -- its sender's
    app_id       bigint NOT NULL REFERENCES apps,
    ids          text[] NOT NULL,                -- of the person, each with its kind
    requested_at timestamptz NOT NULL DEFAULT now()
);

-- Tombstones: keyed digests of ids of which nothing is stored any more, whatever still arrives.
CREATE TABLE tombstones (
    digest     bytea PRIMARY KEY,
    app_id     bigint NOT NULL,
    kind       text NOT NULL,
    reason     text NOT NULL CHECK (reason IN ('erased', 'unmeasured')),
    erasure_id uuid,                             -- null: measurement was switched off
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tombstones_erasure ON tombstones (erasure_id) WHERE erasure_id IS NOT NULL;

-- Withheld events: receipts of what arrived of people with a tombstone, and was not stored.
CREATE TABLE withheld_events (
    receipt     uuid PRIMARY KEY,
    app_id      bigint NOT NULL,
    received_at timestamptz NOT NULL
);

CREATE INDEX withheld_events_received_at ON withheld_events USING brin (received_at);

-- Sharing choices: what the owner of a device has chosen about third parties, by the digest of each
-- of its ids (as in tombstones).
CREATE TABLE sharing_choices (
    digest    bytea PRIMARY KEY,
    app_id    bigint NOT NULL,
    is_shared boolean,                           -- null: not chosen
    partners  jsonb NOT NULL DEFAULT '{}',       -- by partner and activity
    options   jsonb NOT NULL DEFAULT '{}',       -- of partners' own making, such as google_dma
    chosen_at timestamptz NOT NULL
);

-- Retention: for how many days an app keeps what; null: for good. What has expired is never
-- calculated again: decisions before `decided_before` and rollups before `counted_before` stay.
CREATE TABLE retention (
    app_id         bigint PRIMARY KEY REFERENCES apps,
    address_days   integer CHECK (address_days BETWEEN 7 AND 3650),   -- addresses and user agents
    event_days     integer CHECK (event_days BETWEEN 60 AND 3650),
    click_days     integer CHECK (click_days BETWEEN 60 AND 3650),    -- those credited to nobody
    delivery_days  integer CHECK (delivery_days BETWEEN 1 AND 3650),  -- callbacks
    rejection_days integer CHECK (rejection_days BETWEEN 1 AND 365),
    decided_before timestamptz,
    counted_before timestamptz,
    clicks_counted_before timestamptz,           -- as counted_before, of clicks and impressions
    -- How far the addresses were emptied, by receipt; from the beginning again once a day.
    events_emptied uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    clicks_emptied uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    clicks_expired uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    restarted_at   timestamptz NOT NULL DEFAULT now()
);

-- Program logins: the user or role of each program in each store, which `waybill access create` makes.
CREATE TABLE program_logins (
    program text NOT NULL,
    store   text NOT NULL CHECK (store IN ('redis', 'database')),
    name    text NOT NULL,
    PRIMARY KEY (program, store)
);

-- Workers own no table, and so can neither attach a partition nor drop one. These functions run with
-- the rights of the owner, and do nothing but that.
CREATE FUNCTION create_event_partition(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE
    part text := 'events_' || to_char(day, 'YYYYMMDD');
    lower_bound uuid := lpad(to_hex((extract(epoch FROM day) * 1000)::bigint), 12, '0')
        || repeat('0', 20);
    upper_bound uuid := lpad(to_hex((extract(epoch FROM day + 1) * 1000)::bigint), 12, '0')
        || repeat('0', 20);
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', part);
    LOCK TABLE events_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'WITH early AS ('
        '    DELETE FROM events_default WHERE receipt >= %L AND receipt < %L RETURNING *'
        ') INSERT INTO %I SELECT * FROM early', lower_bound, upper_bound, part
    );
    EXECUTE format(
        'ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        part, lower_bound, upper_bound
    );
END
$body$;

CREATE FUNCTION drop_event_partition(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN
    EXECUTE format('DROP TABLE %I', 'events_' || to_char(day, 'YYYYMMDD'));
END
$body$;

-- An entry of the audit log gets its place in the chain by the owner's rights, so that no program
-- needs the right to change entries.
ALTER FUNCTION chain_new_audit_entry SECURITY DEFINER;
REVOKE EXECUTE ON FUNCTION audit_field, chain_audit_entry, chain_new_audit_entry FROM PUBLIC;

-- Without a primary key a table says so itself by which values a changed row is known: it can then be
-- replicated, and moved to another node, while it is written to.
ALTER TABLE click_device_ids REPLICA IDENTITY FULL;
ALTER TABLE view_device_ids REPLICA IDENTITY FULL;
ALTER TABLE sightings REPLICA IDENTITY FULL;
ALTER TABLE stale_periods REPLICA IDENTITY FULL;
ALTER TABLE day_events REPLICA IDENTITY FULL;
ALTER TABLE figures REPLICA IDENTITY FULL;
ALTER TABLE reach REPLICA IDENTITY FULL;
ALTER TABLE traffic REPLICA IDENTITY FULL;
ALTER TABLE earnings REPLICA IDENTITY FULL;
ALTER TABLE comebacks REPLICA IDENTITY FULL;
ALTER TABLE figure_sums REPLICA IDENTITY FULL;
ALTER TABLE traffic_sums REPLICA IDENTITY FULL;
ALTER TABLE place_sums REPLICA IDENTITY FULL;
ALTER TABLE earning_sums REPLICA IDENTITY FULL;

-- Nobody else's tables are found under these names, and nobody but the owner calls them until
-- `waybill access create` allows it.
DO $body$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION create_event_partition SET search_path = %I, pg_temp', current_schema()
    );
    EXECUTE format(
        'ALTER FUNCTION drop_event_partition SET search_path = %I, pg_temp', current_schema()
    );
    EXECUTE format(
        'ALTER FUNCTION chain_new_audit_entry SET search_path = %I, pg_temp', current_schema()
    );
END
$body$;
REVOKE EXECUTE ON FUNCTION create_event_partition, drop_event_partition FROM PUBLIC;
