-- Exchange rates that are newer than the installed package's, and the operator's own.
CREATE TABLE exchange_rates (
    origin   text NOT NULL CHECK (origin IN ('ecb', 'own')),
    currency text NOT NULL CHECK (length(currency) = 3),
    day      date NOT NULL,
    per_euro numeric NOT NULL CHECK (per_euro > 0),
    PRIMARY KEY (origin, currency, day)
);

CREATE TABLE rate_sources (
    origin     text PRIMARY KEY CHECK (origin IN ('ecb', 'own')),
    location   text NOT NULL,
    read_at    timestamptz,
    fault      text,
    tried_at   timestamptz,
    changed_at timestamptz
);
