-- The events of a stretch of time (`belongs`), each with the attribution in force at its moment: CTEs
-- for a statement that starts with WITH. Of a stretch that has too many, those of some of its users.
-- Lookups are fenced (OFFSET 0), so that the planner uses their indexes, one probe for each user.
happened AS MATERIALIZED (
    SELECT
        receipt, event_time, user_id COLLATE "C" AS user_id, kind, counted, sale_amount,
        coalesce(sale_amount_currency, '') AS currency, aggregated_event_value,
        coalesce(country, '') AS country, sdk IS NOT NULL AS unverified,
        CASE
            WHEN kind = 'open' THEN '__open'
            WHEN kind = 'ad_revenue' THEN '__ad_revenue'
            WHEN event_type_id IS NOT NULL THEN event_type_id::text
            WHEN unmapped THEN '__unmapped'
            ELSE event_id
        END AS event
    FROM events
    WHERE app_id = %(app_id)s AND environment = %(environment)s
      AND event_time >= %(from)s AND event_time < %(until)s
      AND receipt >= %(first_receipt)s  -- reads no partition before it
      AND (%(slices)s::integer = 1
           OR hashtext(user_id COLLATE "C") & (%(slices)s::integer - 1) = %(slice)s::integer)
), present AS MATERIALIZED (
    SELECT active.user_id, users.id AS user_ref
    FROM (SELECT DISTINCT user_id FROM happened) AS active
    CROSS JOIN LATERAL (
        SELECT id FROM users
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND users.user_id = active.user_id
        OFFSET 0
    ) AS users
), credited AS MATERIALIZED (
    SELECT
        present.user_id, present.user_ref, decided.event_time AS since_time,
        decided.receipt AS since_receipt, until_time, is_reattribution,
        CASE origin_kind WHEN 'link' THEN origin::bigint ELSE 0 END AS link_id,
        CASE origin_kind WHEN 'source' THEN left(origin, 200) ELSE '' END AS source,
        coalesce(left(named.campaign, 200), '') AS campaign
    FROM present
    CROSS JOIN LATERAL (
        SELECT
            event_time, receipt, origin_kind, origin, click_id, is_reattribution,
            lead(event_time) OVER in_order AS until_time
        FROM attributions
        WHERE attributions.user_ref = present.user_ref AND superseded_at IS NULL
        WINDOW in_order AS (ORDER BY event_time, receipt)
        OFFSET 0
    ) AS decided
    LEFT JOIN LATERAL (
        SELECT coalesce(
            nullif(btrim(parameters->>'campaign'), ''), btrim(parameters->>'campaign_id')
        ) AS campaign
        FROM clicks
        WHERE app_id = %(app_id)s AND environment = %(environment)s
          AND clicks.click_id = decided.click_id
        OFFSET 0
    ) AS named ON true
), belongs AS MATERIALIZED (
    SELECT happened.*, credited.*, happened.receipt = since_receipt AS decides
    FROM (SELECT user_id AS who, receipt, event_time, kind, counted, event, currency, sale_amount,
                 aggregated_event_value, country, unverified FROM happened) AS happened
    JOIN credited ON credited.user_id = who
    -- By time alone: what happens in the millisecond of a decision belongs to it, in any order.
    WHERE event_time >= since_time AND (until_time IS NULL OR event_time < until_time)
)
