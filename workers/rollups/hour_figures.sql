-- The sums of an hour, or of a part of it: events by type and origin, and the installs, reattributions
-- and sessions that they begin. These CTEs follow `belongs`.
marked AS (
    SELECT belongs.*, started.start_time IS NOT NULL AS starts
    FROM belongs
    LEFT JOIN LATERAL (
        SELECT start_time FROM sessions
        WHERE belongs.kind = 'open' AND sessions.user_ref = belongs.user_ref
          AND start_time = belongs.event_time AND start_receipt = belongs.receipt
        OFFSET 0
    ) AS started ON true
), counted AS (
INSERT INTO figures (
    app_id, environment, grain, start, minute, event, link_id, source, campaign, country, currency,
    events, amount, value, installs, reattributions, sessions, unverified
)
SELECT
    %(app_id)s, %(environment)s, 'hour', %(start)s, %(minute)s::smallint, event, link_id, source,
    campaign, country, currency, count(*), coalesce(sum(sale_amount), 0), coalesce(sum(aggregated_event_value), 0),
    0, 0, 0, count(*) FILTER (WHERE unverified)
FROM marked
WHERE counted
GROUP BY event, link_id, source, campaign, country, currency
UNION ALL
SELECT
    %(app_id)s, %(environment)s, 'hour', %(start)s, %(minute)s::smallint, '', link_id, source,
    campaign, country, '',
    0, 0, 0,
    count(*) FILTER (WHERE decides AND NOT is_reattribution),
    count(*) FILTER (WHERE decides AND is_reattribution),
    count(*) FILTER (WHERE starts), 0
FROM marked
WHERE decides OR starts
GROUP BY link_id, source, campaign, country
)
