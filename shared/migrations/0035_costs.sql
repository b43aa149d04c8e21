-- concurrently
-- Costs are uploaded or follow from prices of links, and revenue is rolled up by the age of users.
CREATE TABLE IF NOT EXISTS costs (
    app_id      bigint NOT NULL REFERENCES apps,
    day         date NOT NULL,
    partner_id  bigint NOT NULL,
    source      text NOT NULL,
    campaign    text NOT NULL,
    currency    text NOT NULL CHECK (length(currency) = 3),
    amount      numeric(18, 6) NOT NULL CHECK (amount > 0),
    uploaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (app_id, day, partner_id, source, campaign)
);

CREATE TABLE IF NOT EXISTS link_prices (
    link_id  bigint NOT NULL REFERENCES links,
    per      text NOT NULL CHECK (per IN ('click', 'impression', 'install', 'event')),
    event    text NOT NULL,
    since    date NOT NULL,
    amount   numeric(18, 6) NOT NULL CHECK (amount >= 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (link_id, per, event, since)
);

CREATE TABLE IF NOT EXISTS earnings (
    app_id      bigint NOT NULL,
    environment text NOT NULL,
    day         date NOT NULL,
    first_day   date NOT NULL,
    link_id     bigint NOT NULL,
    source      text NOT NULL,
    currency    text NOT NULL,
    is_ad       boolean NOT NULL,
    amount      numeric NOT NULL
);

CREATE INDEX IF NOT EXISTS earnings_day ON earnings (app_id, environment, day);
CREATE INDEX IF NOT EXISTS earnings_cohort ON earnings (app_id, environment, first_day);

CREATE INDEX CONCURRENTLY IF NOT EXISTS comebacks_cohort ON comebacks (app_id, environment, since, (day - days))
    WHERE since IN ('first', 'first_event');
