-- concurrently
-- Cohorts of all users together are read by the day of the first event.
DROP INDEX CONCURRENTLY IF EXISTS earning_sums_cohort;
CREATE INDEX CONCURRENTLY earning_sums_cohort ON earning_sums (app_id, environment, first_day);
