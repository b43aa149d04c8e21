-- What users paid on a day, added up whatever their source.
WITH replaced AS (
    DELETE FROM earning_sums
    WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(start)s::date
)
INSERT INTO earning_sums (app_id, environment, day, first_day, currency, amount)
SELECT app_id, environment, day, first_day, currency, sum(amount)
FROM earnings
WHERE app_id = %(app_id)s AND environment = %(environment)s AND day = %(start)s::date
GROUP BY 1, 2, 3, 4, 5
