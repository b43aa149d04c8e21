-- People keep views of reports.
CREATE TABLE saved_views (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    person_id  bigint NOT NULL REFERENCES people,
    app_id     bigint NOT NULL REFERENCES apps,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    query      text NOT NULL CHECK (length(query) <= 4000),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (person_id, app_id, name)
);
