-- concurrently
-- Clicks, impressions and the installs credited to them are rolled up, by link, campaign and sub ID.
CREATE TABLE IF NOT EXISTS traffic (
    app_id        bigint NOT NULL,
    environment   text NOT NULL,
    grain         text NOT NULL CHECK (grain IN ('hour', 'day')),
    start         timestamptz NOT NULL,
    part          text NOT NULL CHECK (part IN ('seen', 'credited')),
    link_id       bigint NOT NULL,
    source        text NOT NULL,
    campaign      text NOT NULL,
    sub_id        text NOT NULL,
    clicks        bigint NOT NULL,
    impressions   bigint NOT NULL,
    click_installs bigint NOT NULL,
    view_installs bigint NOT NULL,
    delay_ms      numeric NOT NULL,
    delay_10s     bigint NOT NULL,
    delay_1m      bigint NOT NULL,
    delay_1h      bigint NOT NULL,
    delay_1d      bigint NOT NULL,
    delay_7d      bigint NOT NULL,
    delay_more    bigint NOT NULL
);

CREATE INDEX IF NOT EXISTS traffic_period ON traffic (app_id, environment, grain, start);
ALTER TABLE retention ADD COLUMN IF NOT EXISTS clicks_counted_before timestamptz;
CREATE INDEX CONCURRENTLY IF NOT EXISTS clicks_event_time ON clicks
    USING brin (event_time timestamptz_minmax_multi_ops) WITH (pages_per_range = 32, autosummarize = on);
