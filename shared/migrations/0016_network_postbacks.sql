-- Networks report conversions by a click id alone, or with a token of their own: an app may let them.
ALTER TABLE apps
    ADD COLUMN click_id_postbacks boolean NOT NULL DEFAULT false,
    ADD COLUMN security_token_postbacks boolean NOT NULL DEFAULT false;
