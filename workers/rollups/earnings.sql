-- What users paid on a day, by the day of their first signal and their first origin.
WITH paid AS MATERIALIZED (
    SELECT user_id COLLATE "C" AS user_id, coalesce(sale_amount_currency, '') AS currency,
           kind = 'ad_revenue' AS is_ad, sum(sale_amount) AS amount
    FROM events
    WHERE app_id = %(app_id)s AND environment = %(environment)s
      AND event_time >= %(from)s AND event_time < %(until)s
      AND receipt >= %(first_receipt)s  -- reads no partition before it
      AND counted AND sale_amount <> 0
    GROUP BY 1, 2, 3
), known AS MATERIALIZED (
    SELECT
        currency, is_ad, amount,
        (first_time AT TIME ZONE %(zone)s::text)::date AS first_day,
        CASE origin_kind WHEN 'link' THEN origin::bigint ELSE 0 END AS link_id,
        CASE origin_kind WHEN 'source' THEN left(origin, 200) ELSE '' END AS source
    FROM paid
    CROSS JOIN LATERAL (
        SELECT id, first_time FROM users
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND users.user_id = paid.user_id
        OFFSET 0
    ) AS users
    CROSS JOIN LATERAL (
        SELECT origin_kind, origin FROM attributions
        WHERE attributions.user_ref = users.id AND superseded_at IS NULL
        ORDER BY event_time, receipt LIMIT 1
    ) AS first
)
INSERT INTO earnings (
    app_id, environment, day, first_day, link_id, source, currency, is_ad, amount
)
SELECT %(app_id)s, %(environment)s, %(start)s::date, first_day, link_id, source, currency, is_ad,
       sum(amount)
FROM known GROUP BY first_day, link_id, source, currency, is_ad
