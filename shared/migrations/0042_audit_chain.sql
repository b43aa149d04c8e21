-- Each entry of the audit log gets its place in a chain of digests when its transaction commits.
ALTER TABLE audit_log ADD COLUMN position bigint, ADD COLUMN digest bytea;

CREATE TABLE audit_anchor (
    id         integer PRIMARY KEY CHECK (id = 1),
    position   bigint NOT NULL,
    digest     bytea NOT NULL,
    deleted_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION audit_field(field text) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN coalesce(octet_length(field) || ':' || field, '-');

CREATE FUNCTION chain_audit_entry(entry bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    last_position bigint;
    last_digest bytea;
BEGIN
    PERFORM pg_advisory_xact_lock(7246021);
    SELECT position, digest INTO last_position, last_digest FROM (
        SELECT position, digest FROM audit_log WHERE position IS NOT NULL
        UNION ALL
        SELECT position, digest FROM audit_anchor
        UNION ALL
        SELECT 0, ''::bytea
    ) AS known ORDER BY position DESC LIMIT 1;
    UPDATE audit_log SET
        position = last_position + 1,
        digest = sha256(last_digest || convert_to(
            audit_field((last_position + 1)::text) || audit_field(id::text)
            || audit_field(((extract(epoch FROM at) * 1000000)::bigint)::text)
            || audit_field(actor) || audit_field(app_id::text) || audit_field(action)
            || audit_field(subject) || audit_field(before::text) || audit_field(after::text),
            'UTF8'
        ))
    WHERE id = entry AND digest IS NULL;
END
$$;

CREATE FUNCTION chain_new_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM chain_audit_entry(NEW.id);
    RETURN NULL;
END
$$;

-- Deferred: the last entry is locked when nothing else is waited for any more, and entries have the
-- order in which they became true. A restored entry brings its digest.
CREATE CONSTRAINT TRIGGER audit_log_chain AFTER INSERT ON audit_log
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.digest IS NULL)
    EXECUTE FUNCTION chain_new_audit_entry();
