-- Program logins: the user or role of each program in each store, which `waybill access create` makes.
CREATE TABLE program_logins (
    program text NOT NULL,
    store   text NOT NULL CHECK (store IN ('redis', 'database')),
    name    text NOT NULL,
    PRIMARY KEY (program, store)
);

-- Workers own no table, and so can neither attach a partition nor drop one. These functions run with
-- the rights of the owner, and do nothing but that.
CREATE FUNCTION create_event_partition(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $body$
DECLARE
    part text := 'events_' || to_char(day, 'YYYYMMDD');
    lower_bound uuid := lpad(to_hex((extract(epoch FROM day) * 1000)::bigint), 12, '0')
        || repeat('0', 20);
    upper_bound uuid := lpad(to_hex((extract(epoch FROM day + 1) * 1000)::bigint), 12, '0')
        || repeat('0', 20);
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', part);
    LOCK TABLE events_default IN ACCESS EXCLUSIVE MODE;
    EXECUTE format(
        'WITH early AS ('
        '    DELETE FROM events_default WHERE receipt >= %L AND receipt < %L RETURNING *'
        ') INSERT INTO %I SELECT * FROM early', lower_bound, upper_bound, part
    );
    EXECUTE format(
        'ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        part, lower_bound, upper_bound
    );
END
$body$;

CREATE FUNCTION drop_event_partition(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $body$
BEGIN
    EXECUTE format('DROP TABLE %I', 'events_' || to_char(day, 'YYYYMMDD'));
END
$body$;

-- An entry of the audit log gets its place in the chain by the owner's rights, so that no program
-- needs the right to change entries.
ALTER FUNCTION chain_new_audit_entry SECURITY DEFINER;
REVOKE EXECUTE ON FUNCTION audit_field, chain_audit_entry, chain_new_audit_entry FROM PUBLIC;

-- Nobody else's tables are found under these names, and nobody but the owner calls them until
-- `waybill access create` allows it.
DO $body$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION create_event_partition SET search_path = %I, pg_temp', current_schema()
    );
    EXECUTE format(
        'ALTER FUNCTION drop_event_partition SET search_path = %I, pg_temp', current_schema()
    );
    EXECUTE format(
        'ALTER FUNCTION chain_new_audit_entry SET search_path = %I, pg_temp', current_schema()
    );
END
$body$;
REVOKE EXECUTE ON FUNCTION create_event_partition, drop_event_partition FROM PUBLIC;
