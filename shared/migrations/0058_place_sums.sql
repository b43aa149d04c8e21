-- Sums of daily rollups by partner and country, and of what cohorts paid whatever their source.
CREATE TABLE place_sums (
    app_id         bigint NOT NULL,
    environment    text NOT NULL,
    start          timestamptz NOT NULL,
    event          text NOT NULL,
    partner_id     bigint NOT NULL,
    source         text NOT NULL,
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

CREATE INDEX place_sums_period ON place_sums (app_id, environment, start);

CREATE TABLE earning_sums (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    day         date NOT NULL,
    first_day   date NOT NULL,
    currency    text NOT NULL,
    amount      numeric NOT NULL
);

CREATE INDEX earning_sums_day ON earning_sums (app_id, environment, day);

ALTER TABLE place_sums REPLICA IDENTITY FULL;
ALTER TABLE earning_sums REPLICA IDENTITY FULL;
