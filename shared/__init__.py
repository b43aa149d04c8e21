"""What more than one program needs. Imports no program.

Reading order: errors, clock, ids, settings; then events (what travels), tokens, snapshot (who may
send) and publishing; inbox and queues (Redis); database, schema and partitions (PostgreSQL);
rejections and redaction.
"""
