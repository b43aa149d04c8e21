-- Once no old worker rolls up: the clicks and installs of all hours so far.
INSERT INTO stale_periods (app_id, environment, grain, start)
SELECT app_id, environment, 'hour', date_trunc('hour', event_time, 'UTC') FROM clicks GROUP BY 1, 2, 4
UNION
SELECT app_id, environment, grain, start FROM counted_periods WHERE grain = 'hour';
