-- Two installation keys at once, while the key is being rotated.

ALTER TABLE installation
    ADD former_key_check bytea,
    ADD click_keys bytea[] NOT NULL DEFAULT '{}';

ALTER TABLE tokens
    ADD former_digest bytea,
    ADD under_former_key boolean NOT NULL DEFAULT false;

ALTER TABLE console_keys ADD under_former_key boolean NOT NULL DEFAULT false;

ALTER TABLE callback_endpoints ADD kept_secret bytea;

ALTER TABLE alert_destinations ADD kept_secret bytea;
