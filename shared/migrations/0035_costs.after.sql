-- Once no old worker rolls up: what users paid on all days so far.
INSERT INTO stale_periods (app_id, environment, grain, start)
SELECT app_id, environment, grain, start FROM counted_periods WHERE grain = 'day';
