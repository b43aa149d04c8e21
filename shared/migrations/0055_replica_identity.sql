-- concurrently
-- Tables without a primary key can be replicated, and moved to another node, while rows of them
-- are changed and deleted. It costs nothing unless wal_level is logical.
ALTER TABLE click_device_ids REPLICA IDENTITY FULL;
ALTER TABLE view_device_ids REPLICA IDENTITY FULL;
ALTER TABLE sightings REPLICA IDENTITY FULL;
ALTER TABLE stale_periods REPLICA IDENTITY FULL;
ALTER TABLE day_events REPLICA IDENTITY FULL;
ALTER TABLE figures REPLICA IDENTITY FULL;
ALTER TABLE reach REPLICA IDENTITY FULL;
ALTER TABLE traffic REPLICA IDENTITY FULL;
ALTER TABLE earnings REPLICA IDENTITY FULL;
ALTER TABLE comebacks REPLICA IDENTITY FULL;
ALTER TABLE figure_sums REPLICA IDENTITY FULL;
ALTER TABLE traffic_sums REPLICA IDENTITY FULL;
