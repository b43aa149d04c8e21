-- Sums of rollups over what most reports do not ask for.
CREATE TABLE figure_sums (
    app_id         bigint NOT NULL,
    environment    text NOT NULL,
    grain          text NOT NULL CHECK (grain IN ('hour', 'day')),
    start          timestamptz NOT NULL,
    level          text NOT NULL CHECK (level IN ('origin', 'campaign', 'country')),
    event          text NOT NULL,
    link_id        bigint NOT NULL,
    source         text NOT NULL,
    campaign       text NOT NULL,
    country        text NOT NULL,
    currency       text NOT NULL,
    events         bigint NOT NULL,
    amount         numeric NOT NULL,
    value          numeric NOT NULL,
    installs       bigint NOT NULL,
    organic        bigint NOT NULL,
    reattributions bigint NOT NULL,
    sessions       bigint NOT NULL,
    unverified     bigint NOT NULL
);

CREATE INDEX figure_sums_period ON figure_sums (app_id, environment, level, grain, start);

CREATE TABLE traffic_sums (
    app_id         bigint NOT NULL,
    environment    text NOT NULL,
    grain          text NOT NULL CHECK (grain IN ('hour', 'day')),
    start          timestamptz NOT NULL,
    level          text NOT NULL CHECK (level IN ('origin', 'campaign', 'sub_id')),
    part           text NOT NULL CHECK (part IN ('seen', 'credited')),
    link_id        bigint NOT NULL,
    source         text NOT NULL,
    campaign       text NOT NULL,
    sub_id         text NOT NULL,
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
