-- Requests of people for what is stored about them: kept for a week.
CREATE TABLE access_requests (
    external_id  text PRIMARY KEY CHECK (length(external_id) BETWEEN 1 AND 64),
    app_id       bigint NOT NULL REFERENCES apps,
    ids          text[] NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now()
);
