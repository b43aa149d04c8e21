-- The entries from before the chain follow those that have been written since.
SELECT chain_audit_entry(id)
FROM (SELECT id FROM audit_log WHERE digest IS NULL ORDER BY id) AS unchained;
