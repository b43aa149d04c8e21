-- For how many days each app keeps what.


CREATE TABLE retention (
    app_id         bigint PRIMARY KEY REFERENCES apps,
    address_days   integer CHECK (address_days BETWEEN 7 AND 3650),
    event_days     integer CHECK (event_days BETWEEN 60 AND 3650),
    click_days     integer CHECK (click_days BETWEEN 60 AND 3650),
    delivery_days  integer CHECK (delivery_days BETWEEN 1 AND 3650),
    rejection_days integer CHECK (rejection_days BETWEEN 1 AND 365),
    decided_before timestamptz,
    counted_before timestamptz,

    events_emptied uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    clicks_emptied uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    clicks_expired uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    restarted_at   timestamptz NOT NULL DEFAULT now()
);
