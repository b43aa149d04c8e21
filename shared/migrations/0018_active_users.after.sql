ALTER TABLE comebacks VALIDATE CONSTRAINT comebacks_since_check;

-- Once no old worker rolls up: the users of all days so far, by any event.
INSERT INTO stale_periods (app_id, environment, grain, start)
SELECT app_id, environment, grain, start FROM counted_periods WHERE grain = 'day';
