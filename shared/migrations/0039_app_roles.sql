-- A member reaches the apps in which somebody gave them a role.
-- There are few people, and every one who exists passes.
ALTER TABLE people
    DROP CONSTRAINT people_role_check,
    ADD CONSTRAINT people_role_check CHECK (role IN ('admin', 'viewer', 'member')) NOT VALID;
ALTER TABLE people VALIDATE CONSTRAINT people_role_check;
CREATE TABLE app_roles (
    person_id bigint NOT NULL REFERENCES people,
    app_id    bigint NOT NULL REFERENCES apps,
    role      text NOT NULL CHECK (role IN ('editor', 'viewer')),
    PRIMARY KEY (person_id, app_id)
);
